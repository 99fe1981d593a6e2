"""Settings about this computer: its week, and its devices by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from desktop.config.rules import NotAllowed, items_of, text_of
from desktop.config.toml import listed, quoted
from desktop.domain.schedule import Schedule

_LONGEST_ID: Final = 128
_MOST_DEVICES: Final = 64


@dataclass(frozen=True, slots=True)
class Week:
    """A week of hours as `domain.schedule` writes it; one word stands for a week that is the same all through."""

    kind: str = "week"
    allowed: str = (
        "never, away or always, or seven days of 24 letters from Monday 0 o'clock on: n for never, a for while you are "
        "away, w for always"
    )
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> str:
        """The week in its usual form."""
        text = text_of(raw).strip()
        try:
            return week_of(text).in_short
        except ValueError:
            raise NotAllowed from None

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class DeviceIds:
    """A list of devices by their ids, without doubles."""

    kind: str = "list of devices"
    allowed: str = f"a list of at most {_MOST_DEVICES} device ids, as `hearth doctor` and the window show them"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> tuple[str, ...]:
        """The ids in order."""
        ids = tuple(dict.fromkeys(text_of(item).strip() for item in items_of(raw)))
        if len(ids) > _MOST_DEVICES or not all(0 < len(each) <= _LONGEST_ID and each.isprintable() for each in ids):
            raise NotAllowed
        return ids

    def write(self, value: object) -> str:
        """As TOML."""
        return listed([quoted(str(item)) for item in items_of(value)])


def week_of(text: str) -> Schedule:
    """The schedule that a setting stands for. Raises ValueError for anything else."""
    return Schedule.parse(text)
