"""What others ask for a model: prices as announced, how old they are, and where ours stands among them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desktop.domain.model import ModelKind
from desktop.domain.pricing import Price, Usage

LEAST_TO_COMPARE: Final = 3
# What one request is taken to be where prices of several parts are compared; told wherever such a number is shown.
TYPICAL: Final = Usage(500, 300)


@dataclass(frozen=True, slots=True)
class Ask:
    """One provider's price for one model. `digest` is empty where the provider names none."""

    provider: str
    model_id: str
    digest: str
    kind: ModelKind
    price: Price
    announced_at_ms: int


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Of some numbers: the lower quarter ends, the middle, the upper quarter begins."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Rivals:
    """Others' prices for the same model, or where nobody offers it, for models of the same kind."""

    asks: tuple[Ask, ...]
    same_model: bool

    @property
    def providers(self) -> int:
        """How many others they are of."""
        return len({ask.provider for ask in self.asks})

    def costs_msat(self, usage: Usage = TYPICAL) -> Quartiles | None:
        """What they ask for that much; None if nobody asks."""
        return quartiles([ask.price.cost(usage).msat for ask in self.asks])

    def cheaper_share(self, price: Price, usage: Usage = TYPICAL) -> float | None:
        """The share of others who ask less than `price` for that much; None if they are too few to say."""
        if len(self.asks) < LEAST_TO_COMPARE:
            return None
        mine = price.cost(usage)
        return sum(ask.price.cost(usage) < mine for ask in self.asks) / len(self.asks)

    def oldest_ms(self, now_ms: int) -> int | None:
        """The age of the oldest of these announcements."""
        return max((max(0, now_ms - ask.announced_at_ms) for ask in self.asks), default=None)

    def newest_ms(self, now_ms: int) -> int | None:
        """The age of the newest."""
        return min((max(0, now_ms - ask.announced_at_ms) for ask in self.asks), default=None)


def rivals_of(asks: Sequence[Ask], model_id: str, digest: str, kind: ModelKind, own: str) -> Rivals:
    """Others' prices to compare with; `own` is our public key, whose prices do not count.

    The same model is one of the same digest, or of the same name where no digest is told.
    """
    others = [ask for ask in asks if ask.provider != own and ask.kind is kind]
    same = [ask for ask in others if ask.digest == digest or (not ask.digest and ask.model_id == model_id)]
    return Rivals(tuple(same or others), same_model=bool(same))


def quartiles(numbers: Sequence[float]) -> Quartiles | None:
    """The quartiles, between two numbers where they fall there; None of nothing."""
    if not numbers:
        return None
    ordered = sorted(numbers)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return Quartiles(at(0.25), at(0.5), at(0.75))
