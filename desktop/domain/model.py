"""Models as the catalogue describes them, and as a node offers them for sale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage


class ModelKind(StrEnum):
    """What a model does."""

    CHAT = "chat"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue.

    `digest` is the sha256 (hex) of the entry's manifest, so that two models of one name but other weights,
    tokenizer, template or precision differ. An embedding model has `max_output_tokens` 0.
    """

    id: str
    name: str
    kind: ModelKind
    parameters: int
    context_tokens: int
    max_output_tokens: int
    dtype: str
    licence: str
    digest: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A model for sale at a price."""

    model: Model
    price: Price

    @property
    def max_cost(self) -> Money:
        """The most one request can cost: a full context of prompt and the longest answer."""
        return self.price.cost(Usage(self.model.context_tokens, self.model.max_output_tokens))
