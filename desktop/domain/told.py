"""A sentence with places for values, so that every surface can say it in its own language and its own units.

The English text is the key of its translations. The name of a place tells what stands there and each surface writes
it its way: `…share` is a part of 1, `…bytes`, `…ms` (a length of time) and `…msat` are amounts of that unit, `reason`
and `state` are those of `desktop.domain.node_state`; any other number is only a number.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from desktop.domain.money import Money

Value = str | int | float

_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_SECOND_MS: Final = 1000
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence; as a string it is plain English."""

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return plain(self.text, self.values)


def told(text: str, **values: Value) -> Told:
    """A sentence with its values."""
    return Told(text, values)


def plain(text: str, values: Mapping[str, Value]) -> str:
    """The sentence in English, for a terminal."""
    return fill(text, {name: _plain(name, value) for name, value in values.items()})


def fill(text: str, written: Mapping[str, str]) -> str:
    """The text with written values in their places. Without values it stays as it is: it may hold braces of others."""
    return string.Formatter().vformat(text, (), written) if written else text


def _plain(name: str, value: Value) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("share"):
        return f"{value * 100:.1f} %"
    if name.endswith("bytes"):
        return f"{value / _GIB:.1f} GiB" if value >= _GIB else f"{value / _MIB:,.0f} MiB"
    if name.endswith("msat"):
        return str(Money(int(value)))
    if name.endswith("ms"):
        return span(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{0 if abs(value) >= 100 else 2}f}"  # noqa: PLR2004 - three figures are enough


def span(length_ms: float) -> str:
    """A length of time in its two largest units."""
    whole = int(length_ms)
    if whole < _SECOND_MS:
        return f"{whole} ms"
    if whole < _MINUTE_MS:
        return f"{whole / _SECOND_MS:.{1 if whole < _FEW * _SECOND_MS else 0}f} s"
    if whole < _HOUR_MS:
        return f"{whole // _MINUTE_MS} min"
    if whole < _DAY_MS:
        return f"{whole // _HOUR_MS} h {whole % _HOUR_MS // _MINUTE_MS} min"
    return f"{whole // _DAY_MS} d {whole % _DAY_MS // _HOUR_MS} h"
