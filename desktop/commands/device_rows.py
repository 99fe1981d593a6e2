"""The devices of this computer for a command: as a running node tells them, else as they are at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.compose import Composition
from desktop.control import messages
from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.snapshot import DeviceCard
from desktop.domain.device import Device, Telemetry
from desktop.domain.errors import SettingsError, Unavailable
from desktop.machine.devices.survey import local_devices


@dataclass(frozen=True, slots=True)
class AtRest:
    """A device while no node runs, and its reading."""

    device: Device
    reading: Telemetry


def running(home: Composition) -> tuple[DeviceCard, ...] | None:
    """What the running node says of its devices; None if none runs."""

    async def ask() -> tuple[DeviceCard, ...] | None:
        try:
            async with DoorClient(door_in(home.paths.runtime)) as door:
                await door.ask(lambda number: messages.Watch(id=number))
                return (await door.wait_until(lambda _: True)).devices
        except Unavailable:
            return None

    return asyncio.run(ask())


def at_rest(home: Composition) -> tuple[AtRest, ...]:
    """Every device there is, read once; one that does not answer says so."""
    devices = local_devices(home.now_ms)

    async def read(found: Sequence[Device]) -> list[Telemetry]:
        return await asyncio.gather(*(devices.read(device.id) for device in found))

    try:
        found = devices.list()
        return tuple(AtRest(*each) for each in zip(found, asyncio.run(read(found)), strict=True))
    finally:
        devices.close()


def require_known(device_id: str, known: Sequence[str]) -> None:
    """SettingsError, naming those there are, for a device that is not among them."""
    if device_id not in known:
        raise SettingsError(
            f"There is no device {device_id!r}.", now=f"This computer has: {', '.join(known) or 'none'}."
        )
