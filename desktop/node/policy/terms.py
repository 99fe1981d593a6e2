"""What the owner allows, as the policy reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from desktop.config.settings import Settings
from desktop.config.week import week_of
from desktop.domain.limits import PRESETS, Limits, Preset
from desktop.domain.schedule import WHILE_AWAY, Schedule

_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """The owner's conditions for work. `other_load` is the share of a device that other programs may use meanwhile.

    `calm_s` is how long an obstacle must be gone before work goes on. `most_watts` 0: any. `limits` are of single
    devices, `usual_limits` of all others.
    """

    schedule: Schedule = WHILE_AWAY
    idle_after_s: int = 300
    calm_s: int = 60
    grace_s: int = 0
    work_on_battery: bool = False
    work_on_metered: bool = False
    pause_for_fullscreen: bool = True
    other_load: float = 0.15
    disabled: frozenset[str] = frozenset()
    most_watts: int = 0
    spare_worker: bool = True
    usual_limits: Limits = field(default_factory=Limits)
    limits: Mapping[str, Limits] = field(default_factory=dict)

    @property
    def calm_ms(self) -> int:
        """`calm_s` in milliseconds."""
        return self.calm_s * _MS

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """What the settings say."""
        return cls(
            schedule=week_of(settings.schedule),
            idle_after_s=settings.idle_after_s,
            calm_s=settings.calm_s,
            grace_s=settings.grace_s,
            work_on_battery=settings.work_on_battery,
            work_on_metered=settings.work_on_metered,
            pause_for_fullscreen=settings.pause_for_fullscreen,
            other_load=settings.other_load_percent / 100,
            disabled=frozenset(settings.disabled_devices),
            most_watts=settings.most_watts,
            spare_worker=settings.spare_worker,
            usual_limits=PRESETS[Preset(settings.preset)],
            limits={each.device: settings.limits_of(each.device) for each in settings.limits},
        )

    def limits_of(self, device_id: str) -> Limits:
        """What that device may do."""
        return self.limits.get(device_id, self.usual_limits)
