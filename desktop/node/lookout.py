"""Looks at the owner and at the devices, all the time, and remembers the last look; decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from desktop.domain.device import Device, Telemetry
from desktop.domain.presence import Presence
from desktop.domain.rhythm import until_beat

# Somebody who comes back waits for the next look: this often while something works, and seldom while nothing does.
PRESENCE_EVERY_S: Final = 0.2
PRESENCE_AT_REST_S: Final = 1.0
PRESENCE_WITHIN_S: Final = 2.0
TELEMETRY_EVERY_S: Final = 1.0
TELEMETRY_WITHIN_S: Final = 3.0
DEVICES_EVERY_S: Final = 15.0
DEVICES_WITHIN_S: Final = 15.0

_ALMOST: Final = 0.9  # looks do not come to the millisecond

NOT_TOLD: Final = Presence(session=True)


class Senses(Protocol):
    """What can be seen of this computer. None of these should raise; each may hang, and is then given up."""

    async def presence(self) -> Presence:
        """The owner's session now."""
        ...

    async def devices(self) -> Sequence[Device]:
        """The devices there are now."""
        ...

    async def telemetry(self, device_id: str) -> Telemetry:
        """One device now."""
        ...


class Lookout:
    """Keeps looking. `busy` tells whether something could be disturbing.

    `changed` is called when the owner did something, and every second at least; after every look at a device.
    """

    def __init__(
        self, senses: Senses, changed: Callable[[], None], busy: Callable[[], bool], wall_ms: Callable[[], int]
    ) -> None:
        self._senses = senses
        self._changed = changed
        self._busy = busy
        self._wall_ms = wall_ms
        self._tasks: list[asyncio.Task[None]] = []
        self._readers: dict[str, asyncio.Task[None]] = {}
        self.presence: Presence | None = None
        self.looked_s = time.monotonic()
        self.devices: tuple[Device, ...] = ()
        self.readings: dict[str, Telemetry] = {}

    async def start(self) -> None:
        """Look once at everything, then begin to look all the time."""
        await asyncio.gather(self._look_at_owner(), self._look_for_devices())
        await asyncio.gather(*(self._read(device.id) for device in self.devices))
        self._tasks = [
            asyncio.create_task(self._watch_owner(), name="watch the owner"),
            asyncio.create_task(self._watch_for_devices(), name="watch for devices"),
        ]
        self._keep_readers()
        self._changed()

    async def stop(self) -> None:
        """Look no more."""
        tasks = [*self._tasks, *self._readers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_owner(self) -> None:
        told_s = self.looked_s
        while True:
            await _beat(PRESENCE_EVERY_S if self._busy() else PRESENCE_AT_REST_S)
            before = self.presence
            await self._look_at_owner()
            if _is_news(before, self.presence) or self.looked_s - told_s >= PRESENCE_AT_REST_S * _ALMOST:
                told_s = self.looked_s
                self._changed()

    async def _look_at_owner(self) -> None:
        try:
            async with asyncio.timeout(PRESENCE_WITHIN_S):
                self.presence = await self._senses.presence()
        except TimeoutError:
            self.presence = NOT_TOLD
        self.looked_s = time.monotonic()

    async def _watch_for_devices(self) -> None:
        while True:
            await _beat(DEVICES_EVERY_S)
            await self._look_for_devices()
            self._keep_readers()
            self._changed()

    async def _look_for_devices(self) -> None:
        with suppress(TimeoutError):  # a driver that hangs: its device says so itself, at its next reading
            async with asyncio.timeout(DEVICES_WITHIN_S):
                self.devices = tuple(await self._senses.devices())

    def _keep_readers(self) -> None:
        """One reader per device, so that one that hangs delays no other."""
        present = {device.id for device in self.devices}
        for gone in self._readers.keys() - present:
            self._readers.pop(gone).cancel()
        for new in present - self._readers.keys():
            self._readers[new] = asyncio.create_task(self._watch_device(new), name=f"watch {new}")

    async def _watch_device(self, device_id: str) -> None:
        while True:
            await _beat(TELEMETRY_EVERY_S)
            await self._read(device_id)
            self._changed()

    async def _read(self, device_id: str) -> None:
        try:
            async with asyncio.timeout(TELEMETRY_WITHIN_S):
                self.readings[device_id] = await self._senses.telemetry(device_id)
        except TimeoutError:
            self.readings[device_id] = Telemetry(
                self._wall_ms(), silence=f"It did not answer within {TELEMETRY_WITHIN_S:.0f} seconds."
            )


def _is_news(before: Presence | None, now: Presence | None) -> bool:
    """Whether there is more to tell than that the owner has been idle for a moment longer."""
    if before is None or now is None or before.idle_s is None or now.idle_s is None:
        return before != now
    return now.idle_s < before.idle_s or replace(before, idle_s=now.idle_s) != now


async def _beat(every_s: float) -> None:
    await asyncio.sleep(until_beat(asyncio.get_running_loop().time(), every_s))
