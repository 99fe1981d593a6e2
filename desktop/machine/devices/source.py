"""What every reader of devices gives, whoever made the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from desktop.domain.device import Device, Telemetry


@dataclass(frozen=True, slots=True)
class Found:
    """The devices that answered, and in words why there are none, or why one is missing; empty if all is well."""

    devices: tuple[Device, ...]
    trouble: str = ""


class DeviceSilent(Exception):
    """The driver, or the one device, does not answer; the text says so in words for the owner."""


class Source(Protocol):
    """One driver and its devices. Calls block, and may block for ever: only a `DriverThread` makes them."""

    def find(self) -> Found:
        """The devices of now; never raises for a missing or broken driver: `trouble` tells."""
        ...

    def read(self, device: Device, at_ms: int) -> Telemetry:
        """One reading of one device, or DeviceSilent."""
        ...

    def close(self) -> None:
        """Let go of the driver; the next call opens it again."""
        ...
