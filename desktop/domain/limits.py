"""What the owner lets a device do, and the presets that stand for it in a word."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

# Below that an answer would look dead, and its buyer would leave.
LEAST_DUTY: Final = 0.05


class Preset(StrEnum):
    """A word for a set of limits."""

    QUIET = "quiet"
    BALANCED = "balanced"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one device; None: not limited.

    `power_share` is a share of the device's own default power limit, `duty` the share of time in which it computes
    (1: always), `memory_bytes` the most of the device's memory the work may take. Work stops at `temperature_c` and
    goes on a few degrees below.
    """

    power_share: float | None = None
    temperature_c: float | None = None
    memory_bytes: int | None = None
    duty: float = 1.0


PRESETS: Final = MappingProxyType(
    {
        Preset.QUIET: Limits(power_share=0.55, temperature_c=70.0, duty=0.5),
        Preset.BALANCED: Limits(power_share=0.8, temperature_c=80.0, duty=1.0),
        Preset.FULL: Limits(temperature_c=88.0),
    }
)
