"""What a running node lives by: its energy is measured, and its prices follow what that costs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from desktop.domain.errors import HearthError
from desktop.domain.rhythm import until_beat
from desktop.node.energy import LOOK_S, WRITE_EVERY_S, EnergyBook
from desktop.node.price_keeper import LOOK_S as PRICES_EVERY_S
from desktop.node.price_keeper import PriceKeeper

log = logging.getLogger(__name__)


class Livelihood:
    """Runs `energy` and `prices` beside a node. A disk that refuses for a while costs numbers, never the node."""

    def __init__(self, energy: EnergyBook, prices: PriceKeeper) -> None:
        self._energy = energy
        self._prices = prices
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to look."""
        self._tasks = [
            asyncio.create_task(self._every(LOOK_S, self._look), name="energy"),
            asyncio.create_task(self._every(WRITE_EVERY_S, self._energy.write), name="energy book"),
            asyncio.create_task(self._every(PRICES_EVERY_S, self._prices.look), name="prices"),
        ]

    async def close(self) -> None:
        """Look no more, and write what was measured."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(HearthError):
            await self._energy.write()

    def seated(self, device_id: str, job_id: str) -> None:
        """A job is at work on that device."""
        self._energy.began(device_id, job_id)

    def risen(self, job_id: str) -> None:
        """It is at work no more."""
        self._energy.ended(job_id)

    def worth_it(self, device_id: str) -> bool | None:
        """Whether work there may pay its electricity; None: not known."""
        return self._prices.worth_it(device_id)

    async def _look(self) -> None:
        self._energy.look()

    async def _every(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(until_beat(clock(), pause_s))
            try:
                await work()
            except HearthError as error:
                log.warning("energy and prices stand still: %s", error)
