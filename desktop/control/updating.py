"""A newer version of Hearth on behalf of the owner: looked for when asked and once a day, installed when asked to."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from desktop.control.snapshot import Renewal
from desktop.domain.errors import Busy, DownloadStopped, HearthError, Unavailable

log = logging.getLogger(__name__)

FIRST_S: Final = 600.0  # a start has other things to do
DAY_S: Final = 24 * 3600.0
READY: Final = "ready"

Tell = Callable[[Renewal], None]


class Shop(Protocol):
    """Where new versions come from."""

    def standing(self) -> Renewal:
        """What is known before the first look: how the last change of version went. Blocks."""
        ...

    async def look(self) -> Renewal:
        """What there is. Raises NetworkError and the like."""
        ...

    def install(self, found: Renewal, stop: threading.Event, tell: Tell) -> Renewal:
        """Install what a look found ready; blocks for minutes, and is ended by `stop`.

        Returns how it ended, if this node is still there then: where the version is changed, it is not. Raises
        DownloadStopped after `stop`, and what else keeps it from being done.
        """
        ...

    def automatic(self) -> str:
        """What the owner wants done without asking: off, tell, or install. Blocks."""
        ...


class Updating:
    """`state` is the latest finding or step; `changed` is called on the loop whenever that is another.

    One thing at a time. `sleep` and `chance` (0 … 1) are for whoever tests the days.
    """

    def __init__(
        self,
        shop: Shop,
        changed: Callable[[], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._shop = shop
        self._changed = changed
        self._sleep = sleep
        self._chance = chance
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._days: asyncio.Task[None] | None = None
        self._closing = False
        self.state = Renewal()

    async def open(self) -> None:
        """Tell of the last change of version, and begin to look once a day."""
        self._show(await asyncio.to_thread(self._shop.standing))
        self._days = asyncio.create_task(self._every_day(), name="updates")

    async def follow(self, act: str) -> None:
        """Do one of: look, install, stop. Raises Busy while something else is done, Unavailable if none is ready."""
        if act == "stop":
            await self._end()
            return
        if self._task is not None and not self._task.done():
            if act == "look" and self.state.phase == "looking":
                return
            raise Busy(
                "Hearth is busy with an update already.", retry_after_s=60, now="Wait for it, or pause it first."
            )
        if act == "install" and not self._is_ready():
            raise Unavailable("There is no new version ready to install.", now="Look for one first.")
        self._begin(self._look() if act == "look" else self._install())

    async def close(self) -> None:
        """End what runs; a download is kept as far as it came."""
        self._closing = True
        if self._days is not None:
            self._days.cancel()
            await asyncio.gather(self._days, return_exceptions=True)
        await self._end()

    def _is_ready(self) -> bool:
        # A pause or a failure is about a version that was ready, and may be again.
        return self.state.phase == READY or (self.state.phase in {"paused", "failed"} and bool(self.state.version))

    def _begin(self, work: Awaitable[None]) -> None:
        self._stop = threading.Event()
        self._task = asyncio.ensure_future(work)

    async def _end(self) -> None:
        self._stop.set()
        task = self._task
        if task is not None:
            if self.state.phase == "looking":
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _every_day(self) -> None:
        await self._sleep(FIRST_S * (1 + self._chance()))
        while True:
            automatic = await asyncio.to_thread(self._shop.automatic)
            idle = self._task is None or self._task.done()
            if automatic != "off" and idle:
                await self._attend(install=automatic == "install")
            # Not all computers at the same moment of the day.
            await self._sleep(DAY_S * (0.9 + 0.2 * self._chance()))

    async def _attend(self, *, install: bool) -> None:
        try:
            await self.follow("look")
            if self._task is not None:
                await asyncio.gather(self._task, return_exceptions=True)
            if install and self.state.phase == READY:
                await self.follow("install")
        except HearthError as error:
            log.warning("no look for a new version: %s", error)

    async def _look(self) -> None:
        before = self.state
        self._show(msgspec.structs.replace(before, phase="looking", running=True, detail="", troubles=()))
        try:
            self._show(await self._shop.look())
        except HearthError as error:
            self._show(Renewal(phase="failed", detail=str(error), last_change=before.last_change))
        except asyncio.CancelledError:
            self._show(before)
            raise

    async def _install(self) -> None:
        loop, stop, found = asyncio.get_running_loop(), self._stop, self.state

        def tell(state: Renewal) -> None:
            loop.call_soon_threadsafe(self._show, state)

        try:
            ended = await asyncio.to_thread(self._shop.install, found, stop, tell)
        except DownloadStopped:
            ended = msgspec.structs.replace(self.state, phase="paused", running=False, detail="")
        except HearthError as error:
            ended = msgspec.structs.replace(self.state, phase="failed", running=False, detail=str(error))
        self._show(ended)

    def _show(self, state: Renewal) -> None:
        self.state = state
        if not self._closing:
            self._changed()
