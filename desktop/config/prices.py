"""The rules for prices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from desktop.config.rules import NotAllowed, Whole, items_of, model_id_of
from desktop.config.toml import inline, listed
from desktop.domain.pricing import Price

_FIELDS: Final = ("prompt_msat_per_million", "completion_msat_per_million", "request_msat")
# A thousand sats a token, and a million sats a request: above that, somebody mistyped.
_AMOUNTS: Final = (Whole(0, 10**12), Whole(0, 10**12), Whole(0, 10**9))


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A price of its own for one model."""

    model: str
    price: Price


@dataclass(frozen=True, slots=True)
class OnePrice:
    """A price in millisats."""

    kind: str = "price"
    allowed: str = f"a table of {', '.join(_FIELDS)}, each a whole number of millisats from 0"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> Price:
        """The price; what a table leaves out is 0."""
        return _price(asdict(raw) if isinstance(raw, Price) else _table(raw))

    def write(self, value: object) -> str:
        """As TOML."""
        if not isinstance(value, Price):
            raise TypeError
        return inline(asdict(value))


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """Prices of their own for some models."""

    most: int = 64
    kind: str = "prices by model"
    allowed: str = f"a list of tables of model, {', '.join(_FIELDS)}, one for each model"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> tuple[ModelPrice, ...]:
        """The prices in order."""
        prices = tuple(self._one(item) for item in items_of(raw))
        if len(prices) > self.most or len({price.model for price in prices}) < len(prices):
            raise NotAllowed
        return prices

    def write(self, value: object) -> str:
        """As TOML."""
        prices = [item for item in items_of(value) if isinstance(item, ModelPrice)]
        return listed([inline({"model": item.model, **asdict(item.price)}) for item in prices])

    def _one(self, raw: object) -> ModelPrice:
        if isinstance(raw, ModelPrice):
            return ModelPrice(model_id_of(raw.model), OnePrice().check(raw.price))
        fields = _table(raw)
        return ModelPrice(model_id_of(fields.pop("model", None)), _price(fields))


def _table(raw: object) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise NotAllowed
    return dict(raw)


def _price(fields: dict[str, object]) -> Price:
    if not fields.keys() <= set(_FIELDS):
        raise NotAllowed
    return Price(*(rule.check(fields.get(name, 0)) for name, rule in zip(_FIELDS, _AMOUNTS, strict=True)))
