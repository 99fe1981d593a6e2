"""What a benchmark is asked for, and what it tells. Whole numbers in small units: a report has one form only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MOST_SOAK_MINUTES: Final = 60
USUAL_SOAK_MINUTES: Final = 10


class Unit(StrEnum):
    """What a part is counted in."""

    FLOPS = "flop/s"
    BYTES = "byte/s"
    TOKENS = "millitoken/s"
    TIME = "ns"
    ENERGY = "microjoule/token"
    SHARE = "ppm"

    @property
    def shown(self) -> tuple[float, str]:
        """What to multiply with for people, and the unit they then read."""
        return _SHOWN[self]


_SHOWN: Final[dict[Unit, tuple[float, str]]] = {
    Unit.FLOPS: (1e-9, "GFLOP/s"),
    Unit.BYTES: (1e-9, "GB/s"),
    Unit.TOKENS: (1e-3, "tokens/s"),
    Unit.TIME: (1e-3, "µs"),
    Unit.ENERGY: (1e-6, "J/token"),
    Unit.SHARE: (1e-4, "%"),
}


ENERGY: Final = "energy of a token"
"""The part about energy."""

SOAKING: Final = "Working without a pause, to see whether the speed lasts"
"""What is being done, in words, while that is measured."""

SPEED_KEPT: Final = "speed kept after"
"""How the part begins that tells what is left of the speed after minutes of work."""


def writing(batch: int) -> str:
    """The name of the part that tells how fast so many answers are written at once."""
    return f"write, {batch} at once"


@dataclass(frozen=True, slots=True)
class Part:
    """One measured thing: the median of `blocks` repetitions and its 95 % interval.

    `unsteady`: the repetitions lay further apart than 5 % even when repeated. Where `median` is None it was not
    measured, and `note` says why; nothing is ever filled in. Where it was, `note` may say what was seen beside it.
    """

    name: str
    unit: Unit
    median: int | None = None
    low: int | None = None
    high: int | None = None
    blocks: int = 0
    unsteady: bool = False
    note: str = ""

    @property
    def text(self) -> str:
        """The value with its interval, in words of people; the note where there is none."""
        if self.median is None or self.low is None or self.high is None:
            return self.note or "not measured"
        factor, unit = self.unit.shown
        value, low, high = (_plain(number * factor) for number in (self.median, self.low, self.high))
        interval = "" if self.low == self.high else f" ({low} … {high})"
        return f"{value} {unit}{interval}{', unsteady' if self.unsteady else ''}{f'; {self.note}' if self.note else ''}"


class Change(StrEnum):
    """How a part compares with the same one before."""

    UNKNOWN = ""
    WITHIN_NOISE = "within noise"
    MORE = "more"
    LESS = "less"


def compare(now: Part, before: Part | None) -> Change:
    """More or less only where the two intervals do not touch."""
    if before is None or now.low is None or now.high is None or before.low is None or before.high is None:
        return Change.UNKNOWN
    if now.unit is not before.unit:
        return Change.UNKNOWN
    if now.low > before.high:
        return Change.MORE
    return Change.LESS if now.high < before.low else Change.WITHIN_NOISE


@dataclass(frozen=True, slots=True)
class BenchmarkOrder:
    """What to measure. `seed` (32 bytes, hex) fixes every input; the whole takes no longer than `budget_ms`.

    `buffer_bytes` is the most memory to take for measuring memory. `energy_windows` decodes that many windows of
    `energy_window_ms` while the other side reads the energy counter; zero where there is none. `soak_ms`, on top of
    the budget, is how long to work without a pause in the end, to see whether the speed lasts.
    """

    job_id: str
    model_id: str
    seed: str
    budget_ms: int
    buffer_bytes: int
    energy_windows: int = 0
    energy_window_ms: int = 10_500
    soak_ms: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """What is being done now, in words, and the share of the time that is gone, 0 … 1."""

    words: str
    share_done: float


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """A window of decoding begins (`tokens` 0), or has ended after so many tokens."""

    ended: bool
    tokens: int = 0
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Commitment:
    """The roots of all products of one size, in order of rounds; see `desktop.domain.products`."""

    size: int
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """One row of one product (`values`: int32, little-endian) and its path to the root."""

    number: int
    row: int
    values: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closing:
    """The end: with what it was measured. `outputs` are sha256 (hex) of what the model wrote, by part.

    `settled`: whether three windows in a row agreed before anything was measured, after `windows` of them.
    """

    torch: str
    threads: int
    dtype: str
    windows: int
    settled: bool
    outputs: Mapping[str, str] = field(default_factory=dict)


BenchmarkEvent = Phase | Part | EnergyWindow | Commitment | Opening | Closing


def _plain(value: float) -> str:
    """Three digits that count, never an exponent."""
    for least, decimals in ((100.0, 0), (10.0, 1), (1.0, 2)):
        if abs(value) >= least:
            return f"{value:,.{decimals}f}"
    return f"{value:.3f}"
