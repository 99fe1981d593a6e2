"""The processor's energy counters (RAPL) as Linux shows them below /sys/class/powercap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.machine.devices.sysfs import read_int, read_text

_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Package:
    """One socket: its counter wraps at `range_j`."""

    counter: Path
    range_j: float | None

    def read_j(self) -> float | None:
        """What it counts now; None where this user may not read it."""
        energy_uj = read_int(self.counter)
        return None if energy_uj is None else energy_uj / _MICRO


def packages(root: Path) -> tuple[Package, ...]:
    """The sockets of this computer; empty where the kernel shows none."""
    try:
        zones = sorted((root / "sys/class/powercap").iterdir())
    except OSError:
        return ()
    found = []
    for zone in zones:
        # Zones lie within zones (cores, memory): only whole sockets are added up. Intel's and AMD's drivers name alike.
        if (read_text(zone / "name") or "").startswith("package"):
            range_uj = read_int(zone / "max_energy_range_uj")
            found.append(Package(zone / "energy_uj", None if range_uj is None else range_uj / _MICRO))
    return tuple(found)
