"""Notices that this computer slept, and, where the system announces it, that it is about to.

That it slept is read from two clocks of the system, one of which stands still in sleep; setting the wall clock moves
neither. Not covered: a virtual machine that its host freezes, which neither clock of the guest sees.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.domain.rhythm import until_beat

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0
SHORTEST_NAP_MS: Final = 2000
# A sleep that was announced and did not come.
GIVE_UP_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Nap:
    """[start, end) of a sleep, in UTC milliseconds; empty if an announced one did not come."""

    start_ms: int
    end_ms: int


class Sleeper(Protocol):
    """Who is told. Neither method raises; both end within a few seconds."""

    async def fall_asleep(self) -> None:
        """The computer sleeps as soon as this returns, or a little later."""
        ...

    async def wake(self, nap: Nap) -> None:
        """It is awake again."""
        ...


Prepare = Callable[[], Awaitable[None]]
Notice = Callable[[Prepare, Callable[[], None]], Awaitable[None]]
"""Runs until cancelled: calls the first before each sleep and lets the computer sleep only then, the second after."""


class SleepWatch:
    """Tells `sleeper`; `run` it in a task. `slept_ms` counts all sleep since the computer started."""

    def __init__(
        self,
        sleeper: Sleeper,
        notice: Notice | None,
        *,
        slept_ms: Callable[[], int],
        now_ms: Callable[[], int],
        now_s: Callable[[], float] = time.monotonic,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._sleeper = sleeper
        self._notice = notice
        self._slept_ms = slept_ms
        self._now_ms = now_ms
        self._now_s = now_s
        self._look_every_s = look_every_s
        self._known_ms = slept_ms()
        self._down_since_s: float | None = None
        self._resumed = asyncio.Event()
        self._one = asyncio.Lock()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._notice is not None:
                group.create_task(self._listen(self._notice), name="sleep notice")
            group.create_task(self._watch(), name="sleep watch")

    async def _listen(self, notice: Notice) -> None:
        await notice(self._prepare, self._resumed.set)

    async def _prepare(self) -> None:
        async with self._one:
            self._down_since_s = self._now_s()
            await self._sleeper.fall_asleep()

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(until_beat(clock(), self._look_every_s)):
                    await self._resumed.wait()
            resumed = self._resumed.is_set()
            self._resumed.clear()
            async with self._one:
                await self._look(resumed=resumed)

    async def _look(self, *, resumed: bool) -> None:
        slept_ms, now_ms = self._slept_ms(), self._now_ms()
        nap_ms, self._known_ms = slept_ms - self._known_ms, slept_ms
        down_since_s = self._down_since_s
        given_up = down_since_s is not None and (resumed or self._now_s() - down_since_s > GIVE_UP_AFTER_S)
        if nap_ms < SHORTEST_NAP_MS and not given_up:
            return
        self._down_since_s = None
        nap = Nap(now_ms - nap_ms, now_ms) if nap_ms >= SHORTEST_NAP_MS else Nap(now_ms, now_ms)
        await self._sleeper.wake(nap)
