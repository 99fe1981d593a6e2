"""What a provider says about itself on relays (kind 38421, RIP-02), as values."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.domain.model import ModelKind, Offer
from desktop.domain.pricing import Price

KIND = 38421


@dataclass(frozen=True, slots=True)
class Listing:
    """A model on offer, with all that a buyer needs to choose it and to check its bill.

    `digest` is the catalogue's (hex sha256), empty if the provider names none.
    """

    id: str
    name: str
    kind: ModelKind
    context_tokens: int
    max_output_tokens: int
    price: Price
    digest: str = ""

    @classmethod
    def of(cls, offer: Offer) -> Listing:
        """The public part of one of our own offers."""
        model = offer.model
        return cls(
            model.id, model.name, model.kind, model.context_tokens, model.max_output_tokens, offer.price, model.digest
        )


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced.

    `identifier` is stable for the life of a node; `urls` are ways to reach it, ours as `iroh://…`; `benchmark` is the
    digest (hex sha256) of the benchmark report, or empty.
    """

    identifier: str
    urls: tuple[str, ...]
    mints: tuple[str, ...]
    version: str
    name: str = ""
    about: str = ""
    models: tuple[Listing, ...] = ()
    benchmark: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A valid announcement by someone: who signed it, when, and until when it stands. Times are UTC milliseconds."""

    public_key: str
    event_id: str
    announced_at_ms: int
    expires_at_ms: int
    announcement: Announcement
