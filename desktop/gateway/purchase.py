"""One purchase in progress: what was paid, the answer as it comes, the bill at its end."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import httpx

from desktop.domain.errors import ProviderUnreachable
from desktop.domain.money import Money
from desktop.gateway.answer import Closing, change_in, read_events, read_whole
from desktop.gateway.bill import Bill, complaint_about, complaint_about_receipt
from desktop.gateway.choose import Choice
from desktop.gateway.claims import Claim
from desktop.gateway.purse import SentMoney
from desktop.gateway.settle import Outcome, Settled, Settler


class TokenPayment:
    """Paid with a token of its own; the change comes back with the answer, or is fetched."""

    def __init__(self, claim: Claim, sent: SentMoney, settler: Settler) -> None:
        self.claim = claim
        self.headers = {"X-Cashu": sent.token}
        self._sent = sent
        self._settler = settler

    def change_in(self, response: httpx.Response) -> str | None:
        """The change in a response's header."""
        return change_in(response.headers, self._sent.token)

    async def give_up(self) -> Settled:
        """Nothing was delivered: get back what there is."""
        return await self._settler.settle_patiently(self.claim)

    async def take(self, token: str) -> Settled:
        """Take change that was handed over."""
        return await self._settler.take_change(self.claim, token)

    async def settle(self, choice: Choice, closing: Closing) -> Bill:
        """Take the change or fetch it, and compare all that was told with the price."""
        expected = None if closing.usage is None else choice.listing.price.cost(closing.usage)
        used_up = closing.complete and expected is not None and expected.ceil_sat >= self._sent.amount_sat
        if closing.change_token is not None and closing.change_token != self._sent.token:
            settled = await self.take(closing.change_token)
        elif used_up:
            settled = await self._settler.drop(self.claim)
        else:
            settled = await self.give_up()
        complaint = complaint_about(
            choice.listing.price,
            choice.most_usage,
            usage=closing.usage,
            charged=closing.charged,
            paid_sat=None if settled.taken_back else self._sent.amount_sat,
            change_face_sat=settled.face_sat,
        )
        if settled.outcome == Outcome.OPEN:
            complaint = f"The change is still owed and will be asked for again. {settled.why}".strip()
        elif not closing.complete and closing.usage is None:
            complaint = ""  # cut off before the count: what came back is all there is to compare
        return Bill(
            paid=Money.from_sat(self._sent.amount_sat),
            change=Money.from_sat(settled.face_sat),
            fees=Money.from_sat(self._sent.fee_sat + self._sent.face_sat - self._sent.amount_sat + settled.fee_sat),
            charged=closing.charged,
            expected=expected,
            usage=closing.usage,
            complaint=complaint,
        )


class SessionPayment:
    """Paid from a session key's balance: nothing comes back until the key is closed."""

    def __init__(self, key: str) -> None:
        self.headers = {"Authorization": f"Bearer {key}"}

    async def settle(self, choice: Choice, closing: Closing) -> Bill:
        """Compare what was told with the price."""
        price = choice.listing.price
        complaint = complaint_about(
            price,
            choice.most_usage,
            usage=closing.usage,
            charged=closing.charged,
            paid_sat=None,
            change_face_sat=0,
        )
        return Bill(
            paid=Money(),
            change=Money(),
            fees=Money(),
            charged=closing.charged,
            expected=None if closing.usage is None else price.cost(closing.usage),
            usage=closing.usage,
            complaint=complaint if closing.complete else "",
        )


class Answer:
    """An answer as it comes. Iterate for its text; the bill is there at the end, however it ends.

    Leaving early is allowed: the provider is told to stop and charges for what it generated.
    """

    def __init__(
        self,
        choice: Choice,
        payment: TokenPayment | SessionPayment,
        client: httpx.AsyncClient,
        response: httpx.Response,
    ) -> None:
        self.choice = choice
        self.closing = Closing()
        self.vectors: list[list[float]] = []
        self.bill: Bill | None = None
        self._payment = payment
        self._client = client
        self._response = response

    async def __aiter__(self) -> AsyncIterator[str]:
        """The pieces of the text. Raises ProviderUnreachable if the answer breaks off, with the bill settled."""
        response, closing = self._response, self.closing
        if isinstance(self._payment, TokenPayment):
            closing.change_token = self._payment.change_in(response)
        trouble: ProviderUnreachable | None = None
        try:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                async for piece in read_events(response, closing):
                    yield piece
            else:
                text, self.vectors = await read_whole(response, closing)
                if text:
                    yield text
        except ProviderUnreachable as error:
            trouble = error
        except httpx.HTTPError as error:
            trouble = _broke_off(f"The connection failed: {type(error).__name__}.")
        await self.end()
        if trouble is None and not closing.complete:
            trouble = _broke_off(closing.complaint)
        if trouble is not None:
            raise trouble

    async def end(self) -> Bill:
        """Stop listening and settle; the same bill if asked again."""
        if self.bill is None:
            await self._response.aclose()
            bill = await self._payment.settle(self.choice, self.closing)
            receipt = self.closing.receipt
            if bill.honest and receipt is not None:
                complaint = complaint_about_receipt(receipt, self.choice.provider, self.choice.listing, bill)
                bill = dataclasses.replace(bill, complaint=complaint)
            self.bill = bill
            await self._client.aclose()
        return self.bill


def _broke_off(why: str) -> ProviderUnreachable:
    return ProviderUnreachable(
        "The answer broke off.", why=why, now="What was not used comes back; ask again, or ask another provider."
    )
