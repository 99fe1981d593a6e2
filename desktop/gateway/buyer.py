"""The buyer: finds a provider, pays it, passes its answer on, gets the change, checks the bill."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import httpx

from desktop.domain.errors import (
    Busy,
    FundsShort,
    HearthError,
    ModelNotFound,
    PaymentError,
    ProviderUnreachable,
    RequestError,
)
from desktop.gateway.answer import read_error
from desktop.gateway.choose import Choice, Wish, choices, least_cost
from desktop.gateway.claims import Claim, ClaimKind, Claims
from desktop.gateway.purchase import Answer, TokenPayment
from desktop.gateway.purse import Purse
from desktop.gateway.question import Question, Texts
from desktop.gateway.roads import Road
from desktop.gateway.settle import Outcome, Settled, Settler
from desktop.network.directory.finder import Found

_OK = 200
_TOO_MANY = 429
_UNAVAILABLE = 503
_BUYERS_FAULT = frozenset({400, 413, 415, 422, 431})
_MOST_PROVIDERS = 4


class Finding(Protocol):
    """Who is there."""

    async def find(self) -> Found:
        """The providers that can be found now."""
        ...


class Buyer:
    """Buys inference from whoever sells it cheapest for money we hold.

    Every payment has a claim on disk from before the token leaves until its change is ours; `recover` finishes those
    that an earlier run left. Nothing is asked of a second provider before the first one's money is back; for
    `patience_s` seconds that is waited for.
    """

    def __init__(
        self,
        finder: Finding,
        road: Road,
        purse: Purse,
        claims: Claims,
        *,
        now_ms: Callable[[], int],
        new_reference: Callable[[], str] = lambda: f"ask/{uuid.uuid4().hex}",
        patience_s: float = 6.0,
    ) -> None:
        self._finder = finder
        self._road = road
        self._purse = purse
        self._claims = claims
        self._now_ms = now_ms
        self._new_reference = new_reference
        self._settler = Settler(claims, purse, road, now_ms=now_ms, patience_s=patience_s)
        self._live: set[str] = set()

    async def recover(self) -> list[Settled]:
        """Settle what earlier runs, or earlier questions of this one, left open. Call it at every start."""
        claims = await asyncio.to_thread(self._claims.open_claims)
        due = [c for c in claims if c.reference not in self._live and self._claims.idle(c)]
        if not due:
            return []
        found = await self._finder.find()
        urls = {provider.public_key: provider.announcement.urls for provider in reversed(found.providers)}
        return [await self._settler.settle(claim, urls.get(claim.provider, ())) for claim in due]

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Answer]:
        """Ask, and hold the answer for as long as the block lasts; at its end the bill is settled.

        Raises ModelNotFound, FundsShort, RequestError, PaymentError, Busy or ProviderUnreachable, with the money
        back or, where that could not be had at once, a claim that `recover` will settle.
        """
        async with self._bought(question.wish(), "/v1/chat/completions", question.body) as answer:
            yield answer

    async def embed(self, texts: Texts) -> Answer:
        """Vectors of texts, in order, as `Answer.vectors`. Raises like `ask`."""
        async with self._bought(texts.wish(), "/v1/embeddings", texts.body) as answer:
            async for _ in answer:
                raise ProviderUnreachable("The provider sent text where vectors were asked for.")
            return answer

    async def choices(self, wish: Wish) -> list[Choice]:
        """Who could fulfil the wish and be paid, the cheapest first. Raises ModelNotFound or FundsShort for nobody."""
        found = await self._finder.find()
        funds = await asyncio.to_thread(self._purse.balance)
        possible = choices(wish, found.providers, funds)
        if possible:
            return possible
        least = least_cost(wish, found.providers)
        if least is None:
            raise ModelNotFound(
                f"Nobody offers {wish.model or 'such a model'} now.",
                parameter="model",
                why=f"{found.relays_answered} relays answered and named {len(found.providers)} providers.",
                now="Ask for another model, or later.",
            )
        raise FundsShort(
            f"The request may cost {least}, and no money for it is at hand.",
            why="It must be at a mint the provider accepts, and within your own limit.",
            now="Fund the wallet, or ask for fewer tokens. What is not used comes back.",
        )

    async def pay(self, choice: Choice, amount_sat: int, kind: ClaimKind) -> TokenPayment:
        """A token for that provider, with its claim on disk. The claim is live until `release`."""
        provider = choice.provider
        claim = await asyncio.to_thread(
            lambda: self._claims.plan(
                self._new_reference(),
                kind,
                provider=provider.public_key,
                urls=provider.announcement.urls,
                mint=choice.mint,
                amount_sat=amount_sat,
                now_ms=self._now_ms(),
            )
        )
        self._live.add(claim.reference)
        try:
            sent = await asyncio.to_thread(
                lambda: self._purse.send(amount_sat, choice.mint, reference=claim.reference, include_receive_fee=True)
            )
            claim = await asyncio.to_thread(self._claims.sent, claim)
        except FundsShort:
            await asyncio.to_thread(self._claims.close, claim)
            self.release(claim)
            raise
        except BaseException:
            self.release(claim)
            raise
        return TokenPayment(claim, sent, self._settler)

    def release(self, claim: Claim) -> None:
        """Leave the claim, if it is still open, to `recover`."""
        self._live.discard(claim.reference)

    async def open_road(self, choice: Choice) -> httpx.AsyncClient:
        """A client to the provider, tried where the way allows it. Raises ProviderUnreachable."""
        return await self._road.open(choice.provider.announcement.urls)

    @asynccontextmanager
    async def _bought(self, wish: Wish, path: str, body: Callable[[str], dict[str, object]]) -> AsyncIterator[Answer]:
        answer, claim = await self._first_that_answers(await self.choices(wish), path, body)
        try:
            yield answer
        finally:
            await answer.end()
            self.release(claim)

    async def _first_that_answers(
        self, possible: Sequence[Choice], path: str, body: Callable[[str], dict[str, object]]
    ) -> tuple[Answer, Claim]:
        trouble: HearthError | None = None
        for choice in possible[:_MOST_PROVIDERS]:
            try:
                client = await self.open_road(choice)
            except ProviderUnreachable as error:
                trouble = error
                continue
            try:
                return await self._order(choice, client, path, body(choice.listing.id))
            except _Elsewhere as elsewhere:
                trouble = elsewhere.trouble
        raise trouble or ProviderUnreachable("No provider was asked.")

    async def _order(
        self, choice: Choice, client: httpx.AsyncClient, path: str, body: dict[str, object]
    ) -> tuple[Answer, Claim]:
        """Pay and send. Raises _Elsewhere if that provider, or the mint it takes, failed us and the money is back."""
        delivered = False
        payment = None
        try:
            try:
                payment = await self.pay(choice, choice.amount_sat, ClaimKind.REQUEST)
            except PaymentError as error:
                raise _Elsewhere(error) from None
            try:
                response = await post(client, path, body, payment.headers)
            except httpx.HTTPError as error:
                settled = await payment.give_up()
                raise _after(settled, _silent(error)) from None
            if response.status_code == _OK:
                delivered = True
                return Answer(choice, payment, client, response), payment.claim
            refused = await refusal(response)
            token = payment.change_in(response)
            await response.aclose()
            settled = await (payment.give_up() if token is None else payment.take(token))
            raise _after(settled, refused)
        finally:
            if not delivered:
                await client.aclose()
                if payment is not None:
                    self.release(payment.claim)


class _Elsewhere(Exception):
    """That provider failed, our money is back, another may be asked."""

    def __init__(self, trouble: HearthError) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


async def post(
    client: httpx.AsyncClient, path: str, body: dict[str, object], headers: dict[str, str]
) -> httpx.Response:
    """Send a request whose answer is read as it comes. Raises httpx.HTTPError."""
    return await client.send(client.build_request("POST", path, json=body, headers=headers), stream=True)


async def refusal(response: httpx.Response) -> HearthError:
    """An error response in our own words and the provider's."""
    code, message = await read_error(response)
    status = response.status_code
    why = f"It said: {message or status}"
    if status in _BUYERS_FAULT and ("request" in code or "context" in code or "model" in code):
        return RequestError("The provider does not take this request.", why=why)
    if status in {_TOO_MANY, _UNAVAILABLE}:
        after = response.headers.get("retry-after", "")
        seconds = int(after) if after.isascii() and after.isdecimal() and len(after) < 6 else 30  # noqa: PLR2004 - days
        return Busy("The provider is busy.", why=why, now="Try later, or another provider.", retry_after_s=seconds)
    return ProviderUnreachable("The provider refused.", why=why, now="Try another provider.")


def _after(settled: Settled, trouble: HearthError) -> Exception:
    """What to raise: on to the next provider only if the money is back and another one could do better."""
    if settled.outcome == Outcome.OPEN:
        return ProviderUnreachable(
            trouble.what, why=trouble.why, now="The money is not back yet; it is asked for again at the next start."
        )
    return trouble if isinstance(trouble, RequestError) else _Elsewhere(trouble)


def _silent(error: httpx.HTTPError) -> ProviderUnreachable:
    return ProviderUnreachable(
        "The provider did not answer.", why=f"The connection failed: {type(error).__name__}.", now="Try another one."
    )
