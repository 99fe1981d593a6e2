"""What the node sees of the computer it runs on: its owner's session and its devices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from desktop.domain.device import Device, Telemetry
from desktop.domain.presence import Presence
from desktop.machine.devices.devices import Devices
from desktop.machine.presence.sensor import PresenceSensor


class LocalSenses:
    """The `Senses` of this computer."""

    def __init__(self, sensor: PresenceSensor, devices: Devices) -> None:
        self._sensor = sensor
        self._devices = devices

    async def presence(self) -> Presence:
        """The owner's session now."""
        return await self._sensor.read()

    async def devices(self) -> Sequence[Device]:
        """The devices there are now; looked for in a thread, since a driver may take its time."""
        return await asyncio.to_thread(self._devices.look)

    async def telemetry(self, device_id: str) -> Telemetry:
        """One device now."""
        return await self._devices.read(device_id)

    async def close(self) -> None:
        """Let go of session and drivers."""
        await self._sensor.close()
        await asyncio.to_thread(self._devices.close)
