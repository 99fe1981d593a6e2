"""What electricity costs: a price per kWh for each hour of the week, and what the owner's currency is worth in sats.

Prices are whole millionths of a unit of the currency, energy is whole millijoules, so that sums are exact. What is not
known is None: a cost is never guessed, and never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from desktop.domain.money import MSAT_PER_SAT, Money

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS: Final = 24
WEEK_HOURS: Final = 7 * HOURS
MICRO: Final = 1_000_000
MJ_PER_KWH: Final = 3_600_000_000


class TariffError(ValueError):
    """A tariff that contradicts itself or leaves hours out; says which."""


@dataclass(frozen=True, slots=True)
class Band:
    """Hours of some days at one price: from `start` up to `end` o'clock, over midnight where `end` is not later.

    `days` are those in which the band begins, as the week counts them from Monday, 0.
    """

    days: tuple[int, ...]
    start: int
    end: int
    micro_per_kwh: int

    def hours(self) -> list[int]:
        """The hours of the week it covers, counted from Monday 00:00."""
        length = (self.end - self.start) % HOURS or HOURS
        return [(day * HOURS + self.start + offset) % WEEK_HOURS for day in self.days for offset in range(length)]


@dataclass(frozen=True, slots=True)
class Tariff:
    """168 prices in millionths per kWh, from Monday 00:00 on the owner's clock. Raises TariffError for fewer or more.

    An hour that a change to summer time leaves out is never asked for; the one that comes twice costs the same twice.
    """

    hours: tuple[int, ...]
    currency: str = ""

    def __post_init__(self) -> None:
        if len(self.hours) != WEEK_HOURS or min(self.hours) < 0:
            raise TariffError(f"A week has {WEEK_HOURS} hours, each with a price of 0 or more.")

    @property
    def flat(self) -> bool:
        """Whether every hour costs the same."""
        return len(set(self.hours)) == 1

    @property
    def mean_micro(self) -> Fraction:
        """The mean over a week."""
        return Fraction(sum(self.hours), WEEK_HOURS)

    def at(self, local: datetime) -> int:
        """Millionths per kWh in the hour that `local`, a time on the owner's clock, falls into."""
        return self.hours[local.weekday() * HOURS + local.hour]


def tariff_of(bands: Sequence[Band], flat_micro: int | None, currency: str = "") -> Tariff | None:
    """The tariff of some hours and the price of all others; None where nothing was said.

    Raises TariffError where two bands claim an hour, and where an hour has no price: no hour is ever taken for free.
    """
    if not bands:
        return None if flat_micro is None else Tariff((flat_micro,) * WEEK_HOURS, currency)
    prices: list[int | None] = [None] * WEEK_HOURS
    for band in bands:
        for hour in band.hours():
            if prices[hour] is not None:
                raise TariffError(f"electricity_hours gives two prices for {_hour(hour)}.")
            prices[hour] = band.micro_per_kwh
    filled = [flat_micro if price is None else price for price in prices]
    holes = [hour for hour, price in enumerate(filled) if price is None]
    if holes:
        raise TariffError(
            f"electricity_hours leaves out {len(holes)} of {WEEK_HOURS} hours, the first is {_hour(holes[0])}; "
            "give their price as electricity_price."
        )
    return Tariff(tuple(price for price in filled if price is not None), currency)


def _hour(hour: int) -> str:
    return f"{DAYS[hour // HOURS]} {hour % HOURS:02}:00"


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """Sats for one unit of the currency, from whom, and when it was fetched (None: the owner's own word)."""

    sat_per_unit: Fraction
    source: str
    at_ms: int | None = None


def local_time(at_ms: int) -> datetime:
    """The moment on the owner's clock."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone()


@dataclass(frozen=True, slots=True)
class Electricity:
    """What energy costs its owner; `tariff` or `rate` None: not known."""

    tariff: Tariff | None = None
    rate: ExchangeRate | None = None
    local: Callable[[int], datetime] = local_time

    @property
    def known(self) -> bool:
        """Whether a cost in sats can be told."""
        return self.tariff is not None and self.rate is not None

    def exact_msat(self, energy_mj: Fraction | int, at_ms: int) -> Fraction | None:
        """What that energy costs at that moment, to be added up; None if not known."""
        if self.tariff is None:
            return None
        return self._msat(energy_mj, self.tariff.at(self.local(at_ms)))

    def mean_msat(self, energy_mj: Fraction | int) -> Fraction | None:
        """What that energy costs over a whole week on average; None if not known."""
        return None if self.tariff is None else self._msat(energy_mj, self.tariff.mean_micro)

    def _msat(self, energy_mj: Fraction | int, micro_per_kwh: Fraction | int) -> Fraction | None:
        if self.rate is None:
            return None
        units = Fraction(energy_mj) * micro_per_kwh / (MJ_PER_KWH * MICRO)
        return units * self.rate.sat_per_unit * MSAT_PER_SAT


def rounded_up(exact_msat: Fraction) -> Money:
    """A cost as money: rounded up once, after adding, so that no cost is told too small."""
    return Money(-(-exact_msat.numerator // exact_msat.denominator))
