"""A node at the API's seam: counts money exactly, answers from a script, fails where it is told to.

Tokens are names of amounts in sats, known only here. The real desk: tests/node and tests/e2e.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from desktop.domain.errors import HearthError, KeyUnknown, ModelNotFound, PaymentRequired, TokenInvalid, TokenSpent
from desktop.domain.inference import Delta, Embeddings, Finish, FinishReason
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.network.api.desk import AccountBalance, NodeInfo, OpenJob, Order, PaymentOffer, Settlement, TokenPayment

CHAT = Offer(
    Model("smol", "Smol", ModelKind.CHAT, 135_000_000, 2048, 512, "float32", "Apache-2.0", "ab" * 32),
    Price(2_000_000, 4_000_000, 1000),
)
EMBED = Offer(
    Model("minilm", "MiniLM", ModelKind.EMBEDDING, 22_000_000, 512, 0, "float32", "Apache-2.0", "cd" * 32),
    Price(1_000_000, 0, 0),
)
PROMPT_TOKENS = 7


@dataclass
class FakeAccount:
    available: int
    reserved: int = 0
    requests: int = 0
    spent: int = 0
    closed_with: str | None = None


@dataclass
class Behaviour:
    """What jobs opened from now on do. `gated` jobs wait for a permit before each piece."""

    script: tuple[str, ...] = ("Hello", ", ", "world")
    gated: bool = False
    fail_after: int | None = None
    failure: Exception | None = None
    open_failure: Exception | None = None
    late_open_failure: Exception | None = None
    settle_failure: Exception | None = None
    open_gate: asyncio.Event | None = None
    settle_gate: asyncio.Event | None = None
    finishes: bool = True
    vector: tuple[float, ...] = (0.6, 0.8)


@dataclass
class FakeJob:
    """One opened job. `settled` and `cancelled` count the calls."""

    id: str
    order: Order
    payment: PaymentOffer
    desk: "FakeDesk"
    behaviour: Behaviour
    held: Money
    permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    pieces_made: int = 0
    settle_calls: int = 0
    cancel_calls: int = 0
    failed: bool = False
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self) -> AsyncIterator[Delta | Finish]:
        for index, text in enumerate(self.behaviour.script):
            self._maybe_fail(index)
            if self.behaviour.gated:
                await self.permits.acquire()
            else:
                await asyncio.sleep(0)  # an engine takes time between two tokens
            if self.stopped.is_set():
                break
            self.pieces_made += 1
            yield Delta(text, 1)
        self._maybe_fail(len(self.behaviour.script))
        reason = FinishReason.CANCELLED if self.stopped.is_set() else FinishReason.STOP
        if self.behaviour.finishes:
            yield Finish(reason, self.usage)

    async def vectors(self) -> Embeddings:
        self._maybe_fail(0)
        if self.behaviour.gated:
            await self.permits.acquire()
        return Embeddings(tuple(self.behaviour.vector for _ in self.order.texts), Usage(PROMPT_TOKENS, 0))

    async def cancel(self) -> None:
        self.cancel_calls += 1
        self.stopped.set()

    async def settle(self) -> Settlement:
        self.settle_calls += 1
        if self.behaviour.settle_gate is not None:
            await self.behaviour.settle_gate.wait()
        if self.behaviour.settle_failure is not None:
            raise self.behaviour.settle_failure
        settlement = self.desk.settle(self)
        self.closed.set()
        return settlement

    @property
    def usage(self) -> Usage:
        return Usage(PROMPT_TOKENS, self.pieces_made)

    def _maybe_fail(self, index: int) -> None:
        if self.behaviour.failure is not None and self.behaviour.fail_after == index:
            self.failed = True
            raise self.behaviour.failure


class FakeDesk:
    """A `Desk`. `mint` makes tokens; `outstanding_sat` is what all unspent tokens are worth."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.catalogue: tuple[Offer, ...] = (CHAT, EMBED)
        self.jobs: list[FakeJob] = []
        self.tokens: dict[str, int] = {}
        self.spent: set[str] = set()
        self.owed: dict[str, str] = {}
        self.accounts: dict[str, FakeAccount] = {}
        self.earned = Money()
        self.account_failure: HearthError | None = None
        self.refund_failure: HearthError | None = None
        self.account_gate: asyncio.Event | None = None

    def mint(self, sat: int) -> str:
        token = f"cashuB{len(self.tokens):06}x{sat}"
        self.tokens[token] = sat
        return token

    def redeem(self, token: str) -> Money:
        if token not in self.tokens:
            raise TokenInvalid("That token is forged.")
        if token in self.spent:
            raise TokenSpent("That token was spent before.", now="Send another.")
        self.spent.add(token)
        return Money.from_sat(self.tokens[token])

    def outstanding_sat(self) -> int:
        return sum(sat for token, sat in self.tokens.items() if token not in self.spent)

    def info(self) -> NodeInfo:
        return NodeInfo(
            name="Fake",
            description="A fake node",
            version="0.0.1",
            npub="npub1fake",
            endpoint_id="e" * 64,
            mints=("http://127.0.0.1:3338",),
            endpoints=("iroh://" + "e" * 64, "http://127.0.0.1:8080", "http://abc.onion"),
        )

    def offers(self) -> Sequence[Offer]:
        return self.catalogue

    async def open(self, order: Order, payment: PaymentOffer) -> OpenJob:
        behaviour = self.behaviour
        if behaviour.open_failure is not None:
            raise behaviour.open_failure
        offer = next((offer for offer in self.catalogue if offer.model.id == order.model_id), None)
        if offer is None:
            raise ModelNotFound(f"{order.model_id[:64]} is not for sale.", parameter="model")
        if isinstance(payment, TokenPayment):
            worth = Money.from_sat(self.tokens.get(payment.token, 0))
            if payment.token in self.tokens and worth < offer.max_cost and payment.token not in self.spent:
                raise PaymentRequired("Too little.", required_msat=offer.max_cost.msat, offered_msat=worth.msat)
            held = self.redeem(payment.token)
        else:
            held = self._reserve(self._find(payment.key), offer.max_cost)
        if behaviour.open_gate is not None:
            await behaviour.open_gate.wait()
        if behaviour.late_open_failure is not None:
            if isinstance(payment, TokenPayment):
                self.owed[payment.token] = self.mint(held.whole_sat)
            raise behaviour.late_open_failure
        job = FakeJob(f"job{len(self.jobs)}", order, payment, self, behaviour, held)
        self.jobs.append(job)
        return job

    def settle(self, job: FakeJob) -> Settlement:
        offer = next(offer for offer in self.catalogue if offer.model.id == job.order.model_id)
        charged = Money() if job.failed else offer.price.cost(job.usage)
        change: str | None = None
        if isinstance(job.payment, TokenPayment):
            sat = (job.held - charged).whole_sat
            charged = job.held - Money.from_sat(sat)
            if sat:
                change = self.owed[job.payment.token] = self.mint(sat)
        else:
            account = self._find(job.payment.key)
            account.reserved -= job.held.msat
            account.available += job.held.msat - charged.msat
            account.spent += charged.msat
            account.requests += 1
        self.earned += charged
        receipt = Receipt(
            job.id,
            "f" * 64,
            offer.model.id,
            offer.model.digest,
            job.usage.prompt_tokens,
            job.usage.completion_tokens,
            charged.msat,
            1,
            2,
            "completed",
        )
        return Settlement(job.usage, charged, SignedReceipt(receipt, "5" * 128), change)

    async def create_account(self, token: str) -> tuple[str, Money]:
        if self.account_failure is not None:
            raise self.account_failure
        key = "sk-" + hashlib.sha256(token.encode()).hexdigest()
        if key not in self.accounts:
            worth = self.redeem(token)
            if self.account_gate is not None:
                await self.account_gate.wait()
            self.accounts[key] = FakeAccount(worth.msat)
        return key, Money(self.accounts[key].available)

    async def account(self, key: str) -> AccountBalance:
        account = self._find(key)
        return AccountBalance(Money(account.available), Money(account.reserved), account.requests, Money(account.spent))

    async def top_up(self, key: str, token: str) -> Money:
        account = self._find(key)
        added = self.redeem(token)
        account.available += added.msat
        return added

    async def close_account(self, key: str) -> str:
        if key not in self.accounts:
            raise KeyUnknown("Nobody issued that key.")
        account = self.accounts[key]
        if account.closed_with is None:
            account.closed_with = self.mint(Money(account.available).whole_sat)
            account.available = 0
        return account.closed_with

    async def refund_token(self, token: str) -> str:
        if self.refund_failure is not None:
            raise self.refund_failure
        if token not in self.owed:
            raise KeyUnknown("Nothing is owed for that token.")
        return self.owed[token]

    def payment_request(self, amount: Money, description: str) -> str:
        return f"creqA{amount.msat}x{description}"

    def _find(self, key: str) -> FakeAccount:
        account = self.accounts.get(key)
        if account is None or account.closed_with is not None:
            raise KeyUnknown("Nobody issued that key, or it was refunded.", now="Make a new one.")
        return account

    def _reserve(self, account: FakeAccount, amount: Money) -> Money:
        if account.available < amount.msat:
            raise PaymentRequired("Too little.", required_msat=amount.msat, offered_msat=account.available)
        account.available -= amount.msat
        account.reserved += amount.msat
        return amount
