"""The rule for the limits of single devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from desktop.config.rules import NotAllowed, items_of, text_of
from desktop.config.toml import inline, listed
from desktop.domain.limits import LEAST_DUTY, Limits

_MIB: Final = 1 << 20
_MOST_DEVICES: Final = 64
_LONGEST_ID: Final = 128
# Below the first no card works, above the last every card has switched itself off.
_LEAST_POWER_SHARE: Final = 0.1
_LEAST_C, _MOST_C = 30.0, 110.0
_LEAST_MIB, _MOST_MIB = 256.0, float(1 << 24)
RANGES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "power_share": (_LEAST_POWER_SHARE, 1.0),
        "temperature_c": (_LEAST_C, _MOST_C),
        "memory_mib": (_LEAST_MIB, _MOST_MIB),
        "duty": (LEAST_DUTY, 1.0),
    }
)
"""From what to what each limit may go."""


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What one device may do, where that is not what the preset says; None: as the preset says.

    `power_share` 1 is the device's own default. A device may always take all its memory unless `memory_mib` says how
    much.
    """

    device: str
    power_share: float | None = None
    temperature_c: float | None = None
    memory_mib: int | None = None
    duty: float | None = None

    def over(self, preset: Limits) -> Limits:
        """The preset's limits with these put in their places."""
        limits = preset
        if self.power_share is not None:
            limits = replace(limits, power_share=self.power_share)
        if self.temperature_c is not None:
            limits = replace(limits, temperature_c=self.temperature_c)
        if self.memory_mib is not None:
            limits = replace(limits, memory_bytes=self.memory_mib * _MIB)
        if self.duty is not None:
            limits = replace(limits, duty=self.duty)
        return limits

    @property
    def says(self) -> dict[str, str | float]:
        """What it says, as a table."""
        fields = {
            "power_share": self.power_share,
            "temperature_c": self.temperature_c,
            "memory_mib": self.memory_mib,
            "duty": self.duty,
        }
        return {"device": self.device, **{name: value for name, value in fields.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class LimitsByDevice:
    """Limits of their own for some devices."""

    kind: str = "limits by device"
    allowed: str = (
        f"a list of tables, one for each device: device (its id), and of power_share ({_LEAST_POWER_SHARE} to 1), "
        f"temperature_c ({_LEAST_C:.0f} to {_MOST_C:.0f}), memory_mib (from {_LEAST_MIB:.0f}) and "
        f"duty ({LEAST_DUTY} to 1) those that are not the preset's"
    )
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> tuple[DeviceLimits, ...]:
        """The limits in order."""
        limits = tuple(_one(item) for item in items_of(raw))
        if len(limits) > _MOST_DEVICES or len({each.device for each in limits}) < len(limits):
            raise NotAllowed
        return limits

    def write(self, value: object) -> str:
        """As TOML."""
        return listed([inline(item.says) for item in items_of(value) if isinstance(item, DeviceLimits)])


def _one(raw: object) -> DeviceLimits:
    fields = raw.says if isinstance(raw, DeviceLimits) else raw
    if not isinstance(fields, dict) or not fields.keys() <= DeviceLimits.__dataclass_fields__.keys():
        raise NotAllowed
    device = text_of(fields.get("device")).strip()
    if not 0 < len(device) <= _LONGEST_ID or not device.isprintable():
        raise NotAllowed
    memory_mib = _within(fields, "memory_mib")
    if memory_mib is not None and not memory_mib.is_integer():
        raise NotAllowed
    return DeviceLimits(
        device,
        _within(fields, "power_share"),
        _within(fields, "temperature_c"),
        None if memory_mib is None else int(memory_mib),
        _within(fields, "duty"),
    )


def _within(fields: dict[str, object], name: str) -> float | None:
    """A number in range, whole or not; NaN is in no range."""
    raw, (least, most) = fields.get(name), RANGES[name]
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not least <= raw <= most:
        raise NotAllowed
    return float(raw)
