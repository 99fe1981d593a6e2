"""What a computer could earn a day, as a range, with the source of every number. Pure; nothing is made up.

earnings = what others ask for a written token x tokens a second x the share of the day with requests
cost     = measured energy per token x the tariff's mean over a week

Where one of these is not known the result is not known either, and it is said which one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from desktop.domain.market import TYPICAL, Quartiles, Rivals
from desktop.domain.money import Money
from desktop.domain.tariff import Electricity, rounded_up
from desktop.domain.told import Told, told

DAY_S: Final = 86_400
_MJ: Final = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or a range of it, and where it comes from."""

    low: float
    high: float
    source: Told


@dataclass(frozen=True, slots=True)
class Range:
    """From the lower to the higher amount."""

    low: Money
    high: Money


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model on this computer; None: not known."""

    model_id: str
    rivals: Rivals
    relays: tuple[str, ...]
    busy_share: Figure | None
    tokens_per_s: Figure | None
    joules_per_token: Figure | None
    electricity: Electricity


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one model could bring and cost a day. `asked_msat` is for a typical request (`TYPICAL`)."""

    facts: Facts
    asked_msat: Quartiles | None
    gross: Range | None
    cost: Range | None
    missing: tuple[Told, ...]

    @property
    def net(self) -> Range | None:
        """What would be left: few sales against few costs, many against many."""
        if self.gross is None or self.cost is None:
            return None
        return Range(self.gross.low - self.cost.low, self.gross.high - self.cost.high)


# What is missing, and how it becomes known.
MISSING: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "prices": told("Nobody on the relays announces a price for this kind of model."),
        "busy": told(
            "How much of the day has requests is not known: work for a week, or give a range with `hearth outlook "
            "--busy`."
        ),
        "speed": told("How fast this computer answers is not measured: run a benchmark, or answer some requests."),
        "energy": told("The energy of a token is not measured: the device has no reading, or did no work yet."),
        "tariff": told("What a kWh costs is not known: set electricity_price."),
        "rate": told("What your currency is worth in sats is not known: set sat_per_currency or exchange_source."),
    }
)


def outlook(facts: Facts) -> Outlook:
    """The range for one model, as far as it is known."""
    asked = facts.rivals.costs_msat()
    tokens = _tokens_a_day(facts)
    gross = cost = None
    if asked is not None and tokens is not None:
        gross = Range(
            Money(int(asked.low / TYPICAL.completion_tokens * tokens[0])),
            Money(int(asked.high / TYPICAL.completion_tokens * tokens[1])),
        )
    if tokens is not None and facts.joules_per_token is not None:
        cost = _cost(facts.joules_per_token, tokens, facts.electricity)
    lacking = {
        "prices": asked is None,
        "busy": facts.busy_share is None,
        "speed": facts.tokens_per_s is None,
        "energy": facts.joules_per_token is None,
        "tariff": facts.electricity.tariff is None,
        "rate": facts.electricity.tariff is not None and facts.electricity.rate is None,
    }
    return Outlook(facts, asked, gross, cost, tuple(MISSING[name] for name, lacks in lacking.items() if lacks))


def _tokens_a_day(facts: Facts) -> tuple[float, float] | None:
    if facts.busy_share is None or facts.tokens_per_s is None:
        return None
    speed = facts.tokens_per_s
    return speed.low * facts.busy_share.low * DAY_S, speed.high * facts.busy_share.high * DAY_S


def _cost(energy: Figure, tokens: tuple[float, float], electricity: Electricity) -> Range | None:
    costs = [
        electricity.mean_msat(Fraction(joules * _MJ * count))
        for joules, count in zip((energy.low, energy.high), tokens, strict=True)
    ]
    low, high = costs
    return None if low is None or high is None else Range(rounded_up(low), rounded_up(high))
