"""Session keys: pay once, ask often, get the rest back. No mint stands between a question and its first word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from desktop.domain.errors import ProviderUnreachable
from desktop.gateway.buyer import Buyer, post, refusal
from desktop.gateway.choose import Choice
from desktop.gateway.claims import ClaimKind
from desktop.gateway.purchase import Answer, SessionPayment
from desktop.gateway.question import Question
from desktop.gateway.settle import Settled, create_session

_OK = 200


class Session:
    """A balance at one provider. Questions may be asked at the same time; each has its own bill."""

    def __init__(self, choice: Choice, buyer: Buyer, key: str) -> None:
        self.choice = choice
        self.refund: Settled | None = None
        self._buyer = buyer
        self._key = key

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        """Ask this provider; the model is the session's. Raises RequestError, Busy or ProviderUnreachable."""
        client = await self._buyer.open_road(self.choice)
        payment = SessionPayment(self._key)
        try:
            response = await post(
                client, "/v1/chat/completions", question.body(self.choice.listing.id), payment.headers
            )
            if response.status_code != _OK:
                raise await refusal(response)
            answer = Answer(self.choice, payment, client, response)
            try:
                yield answer
            finally:
                await answer.end()
        except httpx.HTTPError as error:
            raise ProviderUnreachable(
                "The provider did not answer.", why=f"The connection failed: {type(error).__name__}.", now="Ask again."
            ) from None
        finally:
            await client.aclose()


@asynccontextmanager
async def open_session(buyer: Buyer, choice: Choice, amount_sat: int) -> AsyncIterator[Session]:
    """A session with `amount_sat` in it; at the end of the block the rest comes back, or a claim stays for `recover`.

    Raises ProviderUnreachable if no session is given; the money is then back or claimed.
    """
    client = await buyer.open_road(choice)
    async with client:
        payment = await buyer.pay(choice, amount_sat, ClaimKind.SESSION)
        session: Session | None = None
        try:
            try:
                key = await create_session(client, payment.headers["X-Cashu"])
            except httpx.HTTPError:
                key = None
            if key is None:
                raise ProviderUnreachable(
                    "The provider opened no session.", now="The money comes back; try another provider."
                )
            session = Session(choice, buyer, key)
            yield session
        finally:
            settled = await payment.give_up()
            buyer.release(payment.claim)
            if session is not None:
                session.refund = settled
