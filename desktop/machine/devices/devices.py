"""Every device of this computer behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from desktop.domain.device import Device, Telemetry
from desktop.machine.devices.driver_thread import DriverThread
from desktop.machine.devices.source import DeviceSilent, Found, Source

# Opening a driver that nobody uses wakes the cards, which takes seconds.
FIND_WITHIN_S: Final = 10.0
READ_WITHIN_S: Final = 2.0
CLOSE_WITHIN_S: Final = 1.0
# Whoever asks again within this time gets the same reading: shares of so short a time mean nothing.
FRESH_MS: Final = 200


class Devices:
    """Finds the devices and reads them, each in a thread of its own, so that a driver that hangs costs nothing else.

    Two readings of one device are at least `FRESH_MS` apart.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        now_ms: Callable[[], int],
        *,
        find_within_s: float = FIND_WITHIN_S,
        read_within_s: float = READ_WITHIN_S,
    ) -> None:
        self._now_ms = now_ms
        self._read_within_s = read_within_s
        self._sources = tuple((source, DriverThread[Found](type(source).__name__, find_within_s)) for source in sources)
        self._found: tuple[tuple[Device, Source], ...] | None = None
        self._troubles: tuple[str, ...] = ()
        self._threads: dict[str, DriverThread[Telemetry]] = {}
        self._last: dict[str, Telemetry] = {}

    def list(self) -> tuple[Device, ...]:
        """The devices in a steady order. The first call looks, and may take seconds: not for the loop's thread."""
        if self._found is None:
            self.look()
        return tuple(device for device, _ in self._found or ())

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why a driver showed no device, or not all, in words."""
        return self._troubles

    def look(self) -> tuple[Device, ...]:
        """Look for devices again; a device that was there before keeps its id. Blocks like the first `list`."""
        found: list[tuple[Device, Source]] = []
        troubles: list[str] = []
        for source, thread in self._sources:
            try:
                look = thread.call_blocking(source.find)
            except DeviceSilent as silent:
                troubles.append(str(silent))
                continue
            found += [(device, source) for device in look.devices]
            if look.trouble:
                troubles.append(look.trouble)
        self._found, self._troubles = tuple(found), tuple(troubles)
        return self.list()

    async def read(self, device_id: str) -> Telemetry:
        """The device as it is now. Never raises: a device that does not answer, or is not there, says so in words."""
        now_ms = self._now_ms()
        last = self._last.get(device_id)
        if last is not None and not last.silence and 0 <= now_ms - last.at_ms < FRESH_MS:
            return last
        if self._found is None:
            await asyncio.to_thread(self.look)
        pair = next((each for each in self._found or () if each[0].id == device_id), None)
        if pair is None:
            return Telemetry(now_ms, silence="There is no such device in this computer.")
        thread = self._threads.setdefault(device_id, DriverThread(device_id, self._read_within_s))
        try:
            reading = await thread.call(partial(pair[1].read, pair[0], now_ms))
        except DeviceSilent as silent:
            reading = Telemetry(now_ms, silence=str(silent))
        self._last[device_id] = reading
        return reading

    def held_bytes(self, device_id: str, pids: Sequence[int]) -> int:
        """What these processes held of the device's memory at its last reading; 0 where that is not known."""
        last = self._last.get(device_id)
        uses = () if last is None else last.processes or ()
        return sum(use.memory_bytes or 0 for use in uses if use.pid in pids)

    def close(self) -> None:
        """Let go of the drivers. A driver that hangs is left to itself."""
        for thread in self._threads.values():
            thread.close()
        for source, finder in self._sources:
            finder.close()
            last = DriverThread[None](type(source).__name__, CLOSE_WITHIN_S)
            with suppress(DeviceSilent):
                last.call_blocking(source.close)
            last.close()
