"""Bringing a payment to its end: change taken in, or the money taken back, or what is owed fetched where it lies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from desktop.domain.errors import PaymentError, ProviderUnreachable, TokenInvalid, TokenSpent, TokenWorthless
from desktop.gateway.answer import change_in
from desktop.gateway.claims import Claim, ClaimKind, Claims, ClaimState
from desktop.gateway.purse import Purse, ReceivedMoney
from desktop.gateway.roads import Road

_log = logging.getLogger(__name__)

# A provider that still works on a request says "nothing owed" too; after this long the word is final.
FINAL_WORD_AFTER_MS: Final = 15 * 60 * 1000
_NOTHING_OWED: Final = frozenset({401, 404})
_OK: Final = 200


class Outcome(StrEnum):
    """How a claim stands after an attempt to settle it."""

    RETURNED = "returned"
    NOTHING_OWED = "nothing owed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome, what came into the wallet, and why the claim is still open if it is. Amounts are sats.

    `face_sat` is the face value of the token it came as, `fee_sat` what the mint kept of that. `taken_back` says that
    it was our own token that came back: the provider never redeemed it.
    """

    claim: Claim
    outcome: Outcome
    returned_sat: int = 0
    fee_sat: int = 0
    face_sat: int = 0
    taken_back: bool = False
    why: str = ""


class Settler:
    """Settles claims. Safe to repeat at any time: every step is one the wallet and the provider know by its name."""

    def __init__(
        self, claims: Claims, purse: Purse, road: Road, *, now_ms: Callable[[], int], patience_s: float = 6.0
    ) -> None:
        self._claims = claims
        self._purse = purse
        self._road = road
        self._now_ms = now_ms
        self._patience_s = patience_s

    async def take_change(self, claim: Claim, token: str) -> Settled:
        """Make the change ours that a provider gave. It is written down first: the mint may be away."""
        return await self._take(await asyncio.to_thread(self._claims.answered, claim, token))

    async def settle(self, claim: Claim, urls: Sequence[str] = ()) -> Settled:
        """Bring a claim to its end, or as far as it goes now; then it stays open and can be tried again.

        `urls` is where the provider is now, if that is known better than when the claim was made.
        """
        try:
            if claim.state == ClaimState.ANSWERED:
                return await self._take(claim)
            back = await asyncio.to_thread(self._purse.reclaim, claim.reference)
            if back is not None:
                return await self._close(claim, back, taken_back=True)
            if claim.state == ClaimState.PLANNED:
                await asyncio.to_thread(self._claims.close, claim)
                return Settled(claim, Outcome.NOTHING_OWED, taken_back=True)
            return await self._ask_provider(claim, urls or claim.urls)
        except (PaymentError, ProviderUnreachable) as error:
            return Settled(claim, Outcome.OPEN, why=str(error))

    async def drop(self, claim: Claim) -> Settled:
        """The provider earned all of it."""
        await asyncio.to_thread(self._claims.close, claim)
        return Settled(claim, Outcome.NOTHING_OWED)

    async def settle_patiently(self, claim: Claim) -> Settled:
        """The same, repeated for a while: a provider that was just cut off needs a moment to count."""
        loop = asyncio.get_running_loop()
        end, pause_s = loop.time() + self._patience_s, 0.1
        while True:
            settled = await self.settle(claim)
            if settled.outcome != Outcome.OPEN or loop.time() + pause_s > end:
                return settled
            claim = settled.claim
            await asyncio.sleep(pause_s)
            pause_s *= 2

    async def _ask_provider(self, claim: Claim, urls: Sequence[str]) -> Settled:
        sent = await asyncio.to_thread(
            lambda: self._purse.send(claim.amount_sat, claim.mint, reference=claim.reference, include_receive_fee=True)
        )
        client = await self._road.open(urls)
        async with client:
            try:
                headers = await self._right_to_refund(client, claim, sent.token)
                response = None if headers is None else await client.post("/v1/balance/refund", headers=headers)
            except httpx.HTTPError as error:
                return Settled(claim, Outcome.OPEN, why=f"The provider did not answer: {type(error).__name__}.")
        if response is not None and response.status_code == _OK:
            token = change_in(response.headers, sent.token)
            if token is not None:
                return await self.take_change(claim, token)
        refused = response is None or response.status_code in _NOTHING_OWED
        if refused and self._now_ms() - claim.created_at_ms >= FINAL_WORD_AFTER_MS:
            await asyncio.to_thread(self._claims.close, claim)
            return Settled(claim, Outcome.NOTHING_OWED)
        why = "The provider says nothing is owed yet." if refused else "The provider could not refund now."
        return Settled(claim, Outcome.OPEN, why=why)

    async def _right_to_refund(self, client: httpx.AsyncClient, claim: Claim, token: str) -> dict[str, str] | None:
        """The header that names what is to be refunded; for a session its key, which the token brings back."""
        if claim.kind == ClaimKind.REQUEST:
            return {"X-Cashu": token}
        key = await create_session(client, token)
        return None if key is None else {"Authorization": f"Bearer {key}"}

    async def _take(self, claim: Claim) -> Settled:
        face_sat = 0
        try:
            money = await asyncio.to_thread(
                lambda: self._purse.receive(claim.change, reference=f"{claim.reference}/change")
            )
        except (TokenInvalid, TokenSpent, TokenWorthless) as error:
            # Forged, spent by the provider itself, or worth less than its fee: no later try can make it money.
            _log.warning("change could not be taken: %s", type(error).__name__)
            await asyncio.to_thread(self._claims.close, claim)
            given_sat = face_sat if isinstance(error, TokenWorthless) else 0
            return Settled(claim, Outcome.NOTHING_OWED, why=str(error), face_sat=given_sat)
        except PaymentError as error:
            return Settled(claim, Outcome.OPEN, why=str(error))
        return await self._close(claim, money)

    async def _close(self, claim: Claim, money: ReceivedMoney, *, taken_back: bool = False) -> Settled:
        await asyncio.to_thread(self._claims.close, claim)
        return Settled(
            claim,
            Outcome.RETURNED,
            returned_sat=money.amount_sat,
            fee_sat=money.fee_sat,
            face_sat=money.gross_sat,
            taken_back=taken_back,
        )


async def create_session(client: httpx.AsyncClient, token: str) -> str | None:
    """A session key for that token, the same for the same token; None if the provider refuses."""
    response = await client.post("/v1/balance/create", json={"initial_balance_token": token})
    if response.status_code != _OK:
        return None
    try:
        key = response.json()["api_key"]
    except (ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) and key.startswith("sk-") and key.isascii() and key.isprintable() else None
