"""What a node does when its computer sleeps and wakes."""

from __future__ import annotations

import logging
from typing import Protocol

from desktop.domain.errors import HearthError
from desktop.machine.sleep import Nap

log = logging.getLogger(__name__)


class Sleepable(Protocol):
    """The part of the node that sleep concerns; `desktop.node.node.Node` is the real one."""

    async def fall_asleep(self) -> None:
        """Stop, settle, sign off."""
        ...

    async def wake(self, start_ms: int, end_ms: int) -> None:
        """Write the sleep down, sign on, work again."""
        ...


class Slumber:
    """A `machine.sleep.Sleeper` for one node: what fails on the way is told in the log and tried no further."""

    def __init__(self, node: Sleepable) -> None:
        self._node = node

    async def fall_asleep(self) -> None:
        """As `Sleeper.fall_asleep`."""
        try:
            await self._node.fall_asleep()
        except HearthError as error:
            log.warning("before the computer slept: %s", error)

    async def wake(self, nap: Nap) -> None:
        """As `Sleeper.wake`."""
        try:
            await self._node.wake(nap.start_ms, nap.end_ms)
        except HearthError as error:
            log.warning("after the computer slept: %s", error)
