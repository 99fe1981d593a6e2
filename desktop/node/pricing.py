"""What to ask: never less than electricity costs, and if the owner wants, less when idle and more when busy. Pure.

A price is the owner's times a factor in thousandths, so that its parts keep their proportion. It moves slowly, within
a floor and a ceiling. What was asked is kept for a while: whoever saw the lower price before it rose is billed at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from desktop.config.settings import PriceRule
from desktop.domain.pricing import TOKENS_PER_PRICE, Price
from desktop.domain.tariff import Electricity
from desktop.ledger.energy import Worked

OWNERS: Final = 1000  # the owner's price, in thousandths of itself
STEP: Final = 50
IDLE_SHARE: Final = 0.05
USUAL_SHARE: Final = 0.3
BUSY_SHARE: Final = 0.8
LEAST_MEASURED: Final = 5
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What the owner set: how prices move, how far up, and what must be left of a sale, both in percent."""

    rule: PriceRule = "floor"
    ceiling_percent: int = 200
    least_profit_percent: int = 0

    @property
    def ceiling(self) -> int:
        """The highest factor."""
        return OWNERS * self.ceiling_percent // _PERCENT


def scaled(price: Price, factor: int) -> Price:
    """The owner's price times a factor, each part rounded up."""
    parts = (price.prompt_msat_per_million, price.completion_msat_per_million, price.request_msat)
    return Price(*(-(-part * factor // OWNERS) for part in parts))


def floor_factor(
    worked: Iterable[Worked], price: Price, terms: PriceTerms, electricity: Electricity, at_ms: int
) -> int | None:
    """The factor at which measured jobs would just have paid their electricity at this hour, and the least profit.

    None where too few jobs were measured, electricity is not known, or the owner gives the work away.
    """
    rows = list(worked)
    measured = sum(row.measured for row in rows)
    cost = electricity.exact_msat(sum(row.work_mj for row in rows), at_ms)
    exact = Fraction(
        sum(
            row.usage.prompt_tokens * price.prompt_msat_per_million
            + row.usage.completion_tokens * price.completion_msat_per_million
            for row in rows
        ),
        TOKENS_PER_PRICE,
    )
    brings = exact + measured * price.request_msat
    if measured < LEAST_MEASURED or cost is None or not brings:
        return None
    needed = cost * _PERCENT / (_PERCENT - terms.least_profit_percent)
    return -(-needed * OWNERS // brings)


def target(terms: PriceTerms, floor: int | None, busy_share: float) -> int:
    """Where the factor should go. Where the floor is not known the owner's price stands as the lowest."""
    lowest = min(OWNERS if floor is None else floor, terms.ceiling)
    if terms.rule == "fixed":
        return OWNERS
    if terms.rule == "floor":
        return max(OWNERS, lowest)
    middle = max(OWNERS, lowest)
    if busy_share <= USUAL_SHARE:
        part = max(0.0, busy_share - IDLE_SHARE) / (USUAL_SHARE - IDLE_SHARE)
        return round(lowest + (middle - lowest) * part)
    part = min(1.0, (busy_share - USUAL_SHARE) / (BUSY_SHARE - USUAL_SHARE))
    return round(middle + (terms.ceiling - middle) * part)


def step(factor: int, wanted: int) -> int:
    """One step from a factor towards another: slowly, so that nobody is surprised."""
    return factor + max(-STEP, min(STEP, wanted - factor))


def worth_it(terms: PriceTerms, floor: int | None) -> bool | None:
    """Whether a sale may leave enough after electricity; None if electricity is not known."""
    if floor is None:
        return None
    return floor <= (OWNERS if terms.rule == "fixed" else terms.ceiling)


@dataclass(slots=True)
class PriceBoard:
    """The factor that is asked, and those asked within the last `honoured_ms`; times ascend."""

    honoured_ms: int
    factor: int = OWNERS
    _asked: list[tuple[int, int]] = field(default_factory=list)

    def ask(self, factor: int, at_ms: int) -> None:
        """Ask this from now on."""
        if factor != self.factor:
            self._asked.append((at_ms, self.factor))
            self.factor = factor

    def billed(self, at_ms: int) -> int:
        """What a request that comes now is billed at: the lowest that may still be announced somewhere."""
        self._asked = [each for each in self._asked if at_ms - each[0] < self.honoured_ms]
        return min([self.factor, *(factor for _, factor in self._asked)])
