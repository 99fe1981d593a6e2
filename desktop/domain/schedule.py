"""When work is allowed: a week of hours, each with one of three permissions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

DAYS: Final = 7
HOURS: Final = 24
_LETTERS: Final = "naw"


class Permission(StrEnum):
    """What an hour allows: never work, work while the owner is away, work always."""

    NEVER = "never"
    AWAY = "away"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Schedule:
    """168 permissions, from Monday 00:00 in local time. Raises ValueError for any other number."""

    hours: tuple[Permission, ...]

    def __post_init__(self) -> None:
        if len(self.hours) != DAYS * HOURS:
            raise ValueError(f"A week has {DAYS * HOURS} hours, not {len(self.hours)}.")

    def at(self, local: datetime) -> Permission:
        """The permission of the hour that `local`, a time on the owner's clock, falls into.

        An hour that a change to summer time leaves out is never asked for; the one that comes twice counts twice.
        """
        return self.hours[local.weekday() * HOURS + local.hour]

    def __str__(self) -> str:
        """Seven words of 24 letters (n: never, a: away, w: always), as the setting keeps it."""
        letters = "".join(_LETTERS[list(Permission).index(each)] for each in self.hours)
        return " ".join(letters[day * HOURS : (day + 1) * HOURS] for day in range(DAYS))

    @property
    def in_short(self) -> str:
        """One word for a week that is the same all through, else what `str` writes."""
        return self.hours[0].value if len(set(self.hours)) == 1 else str(self)

    @staticmethod
    def parse(text: str) -> Schedule:
        """What `in_short` or `str` wrote. Raises ValueError for anything else."""
        if text.strip() in set(Permission):
            return Schedule((Permission(text.strip()),) * (DAYS * HOURS))
        letters = "".join(text.split())
        if set(letters) - set(_LETTERS):
            raise ValueError(f"A schedule has the letters {', '.join(_LETTERS)} only.")
        return Schedule(tuple(list(Permission)[_LETTERS.index(each)] for each in letters))


WHILE_AWAY: Final = Schedule((Permission.AWAY,) * (DAYS * HOURS))
