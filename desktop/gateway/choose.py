"""Which provider to ask: pure, from what they announce and what we hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from desktop.domain.errors import SettingsError
from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.network.directory.announcement import Listing, Provider
from desktop.wallet.mint_url import normalise

# Mints commonly take one sat for taking coins in; change of a single sat would be lost to it.
CHANGE_SAT: Final = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted. `model` empty: any of that kind. `prompt_bound` bounds the prompt's tokens from above.

    `contexts` is the number of texts, each of which may fill the model's context. `max_tokens` None means as many as
    the model gives. `provider` (a public key) restricts the choice to one, `most` what one request may cost.
    """

    kind: ModelKind
    model: str
    prompt_bound: int
    max_tokens: int | None = None
    contexts: int = 1
    most: Money | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider that can fulfil a wish, the mint to pay it with, and the most it may charge."""

    provider: Provider
    listing: Listing
    mint: str
    most_usage: Usage
    most: Money

    @property
    def amount_sat(self) -> int:
        """What to send: the most it may cost, and enough on top that the change is worth its mint's fee."""
        return amount_for(self.most)


def amount_for(most: Money) -> int:
    """The sats to send for a request of at most that cost."""
    return max(1, most.ceil_sat) + CHANGE_SAT


def choices(wish: Wish, providers: Iterable[Provider], funds: Mapping[str, int]) -> list[Choice]:
    """Every provider that can fulfil the wish and be paid from `funds` (sats by mint), the cheapest first.

    Cheapest by the most this request can cost; of equal ones the one whose public key sorts first, so that the order
    is the same for everyone who asks.
    """
    held = {mint: sat for mint, sat in funds.items() if sat > 0}
    found = [
        choice
        for provider in providers
        if wish.provider in {"", provider.public_key}
        for listing in provider.announcement.models
        if (choice := _choice(wish, provider, listing, held)) is not None
    ]
    return sorted(found, key=lambda c: (c.most.msat, c.provider.public_key, c.listing.id))


def least_cost(wish: Wish, providers: Iterable[Provider]) -> Money | None:
    """The least the wish would cost if money were no object; None if nobody offers it at all."""
    prices = [
        listing.price.cost(usage)
        for provider in providers
        if wish.provider in {"", provider.public_key}
        for listing in provider.announcement.models
        if (usage := _most_usage(wish, listing)) is not None
    ]
    return min(prices, default=None)


def _choice(wish: Wish, provider: Provider, listing: Listing, held: Mapping[str, int]) -> Choice | None:
    usage = _most_usage(wish, listing)
    if usage is None:
        return None
    most = listing.price.cost(usage)
    if wish.most is not None and most > wish.most:
        return None
    amount_sat = amount_for(most)
    mints = [mint for mint in held if held[mint] >= amount_sat and mint in _mints(provider)]
    # The fullest purse: it keeps the others whole for providers that take nothing else.
    mint = max(mints, key=lambda name: (held[name], name), default=None)
    return None if mint is None else Choice(provider, listing, mint, usage, most)


def _most_usage(wish: Wish, listing: Listing) -> Usage | None:
    """The most tokens this request can take there; None if the listing cannot fulfil the wish."""
    if listing.kind != wish.kind or wish.model not in {"", listing.id}:
        return None
    longest = min(listing.max_output_tokens, listing.context_tokens)
    if wish.kind == ModelKind.EMBEDDING:
        longest = 0
    elif longest < max(1, wish.max_tokens or 0):
        return None
    prompt = min(wish.prompt_bound, wish.contexts * listing.context_tokens)
    return Usage(prompt, longest if wish.max_tokens is None else min(wish.max_tokens, longest))


def _mints(provider: Provider) -> set[str]:
    spelled = set()
    for url in provider.announcement.mints:
        try:
            spelled.add(normalise(url))
        except SettingsError:  # a mint we could not hold money at anyway
            continue
    return spelled
