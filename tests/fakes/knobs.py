"""Power knobs over a simulated driver or a folder, and a guard that only remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from desktop.domain.errors import StorageUnusable
from desktop.machine.limits.hwmon_power import HwmonPower
from desktop.machine.limits.nvml_power import NvmlPower
from desktop.machine.limits.power import KnobKind, PowerKnob
from tests.fakes.nvml import FakeNvml


@dataclass
class FakeKnobs:
    """Knobs of cards that are plain values, and of those in a folder."""

    nvml: FakeNvml = field(default_factory=FakeNvml)
    root: Path = Path("/nonexistent")

    def knob(self, kind: KnobKind, device_id: str) -> PowerKnob:
        if kind == "hwmon":
            return HwmonPower(self.root, device_id)
        return NvmlPower(self.nvml, device_id)


@dataclass
class FakeGuard:
    """`missing`: the watchdog cannot be started."""

    missing: bool = False
    standing: bool = False
    stood: int = 0

    def stand(self) -> None:
        if self.missing:
            raise StorageUnusable("The watchdog is not there.")
        self.stood += not self.standing
        self.standing = True

    def leave(self) -> None:
        self.standing = False
