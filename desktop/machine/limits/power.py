"""What can be turned to limit a device's power, one kind of knob for each driver that has one.

Amounts are whole microwatts, the finest unit of any driver, so that what was found is put back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

KnobKind = Literal["nvml", "hwmon"]
MICRO: Final = 1_000_000
# Drivers round, some to whole watts: closer than this is the same.
SAME_UW: Final = MICRO


@dataclass(frozen=True, slots=True)
class PowerRange:
    """The limit as it is, the driver's own default, and what it accepts; None: not told."""

    now_uw: int
    default_uw: int | None
    least_uw: int | None
    most_uw: int | None


class PowerRefused(Exception):
    """The driver did not do it; the text says why, in words. `rights`: because this user may not."""

    def __init__(self, why: str, *, rights: bool = False) -> None:
        super().__init__(why)
        self.rights = rights


class PowerKnob(Protocol):
    """One device's power limit. Calls block, and may block for ever."""

    def read(self) -> PowerRange:
        """As it is now, or PowerRefused."""
        ...

    def write(self, limit_uw: int) -> None:
        """Set it, or PowerRefused."""
        ...

    def command(self, limit_uw: int) -> str:
        """What the owner can type to set it with more rights; empty where nothing would help."""
        ...


class Knobs(Protocol):
    """The knobs of this computer."""

    def knob(self, kind: KnobKind, device_id: str) -> PowerKnob:
        """The knob of that device. It need not be there: that shows when it is read."""
        ...


@dataclass(frozen=True, slots=True)
class LocalKnobs:
    """The real ones. `root` is where the kernel's files begin.

    NVML is loaded only when a card of NVIDIA's is asked for: the watchdog, which lives beside the node, stays small.
    """

    root: Path = Path("/")

    def knob(self, kind: KnobKind, device_id: str) -> PowerKnob:
        """The knob of that device."""
        if kind == "hwmon":
            from desktop.machine.limits.hwmon_power import HwmonPower

            return HwmonPower(self.root, device_id)
        import pynvml

        from desktop.machine.limits.nvml_power import NvmlPower

        return NvmlPower(pynvml, device_id)


def same(one_uw: int, other_uw: int) -> bool:
    """Whether two limits are the same to a driver that rounds."""
    return abs(one_uw - other_uw) < SAME_UW
