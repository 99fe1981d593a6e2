"""The node as its buyers see it: `Desk` of the HTTP API, over admission, cashier, ledger and worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from desktop.domain.errors import ModelNotFound, PaymentError, RequestError, Unavailable
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.model import ModelKind, Offer
from desktop.domain.money import Money
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.ledger.jobs import Ending
from desktop.network.api.desk import AccountBalance, NodeInfo, Order, PaymentOffer, Settlement, TokenPayment
from desktop.node.admission import Admission
from desktop.node.books import Books
from desktop.node.cashier import Cashier
from desktop.node.job import NodeJob, Seats
from desktop.node.policy.decision import Decision
from desktop.node.quote import most_cost
from desktop.proof.receipts import Signer
from desktop.wallet.payment_request import PaymentRequest, encode

log = logging.getLogger(__name__)

SERVED_BY: Final = {
    JobKind.CHAT: ModelKind.CHAT,
    JobKind.COMPLETION: ModelKind.CHAT,
    JobKind.EMBEDDING: ModelKind.EMBEDDING,
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the desk must know of the node around it, looked up at each request."""

    decision: Callable[[], Decision]
    seats: Seats
    info: Callable[[], NodeInfo]


class NodeDesk:
    """Opens jobs and keeps accounts. `busy_changed` is called whenever a job begins or ends."""

    def __init__(
        self,
        offers: Sequence[Offer],
        *,
        situation: Situation,
        admission: Admission,
        cashier: Cashier,
        books: Books,
        signer: Signer,
        new_id: Callable[[], str],
        now_ms: Callable[[], int],
        busy_changed: Callable[[], None],
    ) -> None:
        self._asked = tuple(offers)
        self._offers = {offer.model.id: offer for offer in offers}
        self._situation = situation
        self._admission = admission
        self._cashier = cashier
        self._books = books
        self._signer = signer
        self._new_id = new_id
        self._now_ms = now_ms
        self._busy_changed = busy_changed
        self._open: set[NodeJob] = set()

    def info(self) -> NodeInfo:
        """Who we are."""
        return self._situation.info()

    def offers(self) -> Sequence[Offer]:
        """What is for sale now; empty while nothing can be served."""
        return self._asked if self._situation.decision().takes_jobs else ()

    def reprice(self, asked: Sequence[Offer], billed: Sequence[Offer]) -> None:
        """Ask other prices from now on. New jobs are billed at `billed`, which is never more; open ones keep theirs."""
        self._asked = tuple(asked)
        self._offers = {offer.model.id: offer for offer in billed}

    @property
    def open_jobs(self) -> int:
        """Jobs that are not settled yet."""
        return len(self._open)

    async def open(self, order: Order, payment: PaymentOffer) -> NodeJob:
        """Take a place, hold the money, begin. See `Desk.open` for what it raises."""
        decision = self._situation.decision()
        if not decision.takes_jobs:
            raise Unavailable(
                "This node takes no requests now.",
                why=f"It is {decision.state}: {decision.reason}.",
                now="Ask another provider, or try again later.",
            )
        offer = self._offer(order)
        ticket = self._admission.enter()
        try:
            job = await self._accept(order, payment, most_cost(offer, order))
        except BaseException:
            ticket.close()
            raise
        opened = NodeJob(
            job,
            order=order,
            offer=offer,
            seats=self._situation.seats,
            ticket=ticket,
            close=lambda ended: self._close(opened, ended, offer),
            now_ms=self._now_ms,
        )
        self._open.add(opened)
        self._busy_changed()
        return opened

    async def create_account(self, token: str) -> tuple[str, Money]:
        """A session key for the token, the same one if asked again, and the balance."""
        return await self._cashier.open(token)

    async def account(self, key: str) -> AccountBalance:
        """The balance behind a session key, or KeyUnknown."""
        summary = await self._cashier.summary(key)
        return AccountBalance(summary.available, summary.reserved, summary.requests, summary.spent)

    async def top_up(self, key: str, token: str) -> Money:
        """Add a token to an account. Returns what was added."""
        return await self._cashier.top_up(key, token)

    async def close_account(self, key: str) -> str:
        """Pay an account out and close its key; asked again, the same token."""
        return await self._cashier.close_account(key)

    async def refund_token(self, token: str) -> str:
        """What is owed for a token that paid per request, as a token."""
        return await self._cashier.owed_for(token)

    def payment_request(self, amount: Money, description: str) -> str:
        """A NUT-18 payment request for at least that amount, rounded up to whole sats."""
        return encode(PaymentRequest(amount.ceil_sat, mints=self.info().mints, description=description))

    async def drain(self, grace_s: float) -> None:
        """Let open jobs end for `grace_s`, then stop and settle those that did not. Nothing new may be opened."""
        ends = [asyncio.ensure_future(job.ended()) for job in self._open]
        if ends:
            await asyncio.wait(ends, timeout=grace_s)
        await asyncio.gather(*(job.settle() for job in tuple(self._open)))

    def _offer(self, order: Order) -> Offer:
        offer = self._offers.get(order.model_id)
        if offer is None:
            raise ModelNotFound(
                "That model is not for sale here.", parameter="model", now="GET /v1/models lists those that are."
            )
        if offer.model.kind is not SERVED_BY[order.kind]:
            raise RequestError(
                f"{order.model_id} is a model for {offer.model.kind}.",
                parameter="model",
                now="GET /v1/models lists what each model does.",
            )
        return offer

    async def _accept(self, order: Order, payment: PaymentOffer, most: Money) -> Job:
        def job_for(account: str, kind: Payment) -> Job:
            return Job(
                id=self._new_id(),
                kind=order.kind,
                model_id=order.model_id,
                payment=kind,
                account=account,
                held=most,
                state=JobState.ACCEPTED,
                accepted_at_ms=self._now_ms(),
            )

        if isinstance(payment, TokenPayment):
            purchase = self._cashier.read(payment.token, most)
            return await self._cashier.admit(purchase, lambda account: job_for(account, Payment.TOKEN))
        return await self._cashier.accept_by_key(payment.key, lambda account: job_for(account, Payment.SESSION))

    async def _close(self, opened: NodeJob, job: Job, offer: Offer) -> Settlement:
        receipt = self._receipt(job, offer)
        ending = Ending(
            state=job.state,
            finished_at_ms=receipt.receipt.finished_at_ms,
            usage=job.usage,
            charged=job.charged,
            reason=job.reason,
            started_at_ms=job.started_at_ms,
            first_token_at_ms=job.first_token_at_ms,
        )
        await self._books.run(lambda ledger: ledger.finish_job(job.id, ending, receipt))
        self._open.discard(opened)
        self._busy_changed()
        change = None
        if job.payment is Payment.TOKEN:
            try:
                change = await self._cashier.pay_back(job.account)
            except PaymentError as error:
                # It stays set aside in the ledger; the buyer fetches it from /v1/balance/refund later.
                log.warning("the change of job %s waits: %s", job.id, type(error).__name__)
        return Settlement(job.usage, job.charged, receipt, change)

    def _receipt(self, job: Job, offer: Offer) -> SignedReceipt:
        return self._signer.sign(
            Receipt(
                job_id=job.id,
                node=self._signer.public_key,
                model_id=job.model_id,
                model_digest=offer.model.digest,
                prompt_tokens=job.usage.prompt_tokens,
                completion_tokens=job.usage.completion_tokens,
                charged_msat=job.charged.msat,
                accepted_at_ms=job.accepted_at_ms,
                finished_at_ms=job.finished_at_ms or self._now_ms(),
                outcome=job.state.value,
            )
        )
