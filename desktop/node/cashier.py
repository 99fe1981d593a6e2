"""Money across the counter: tokens in, change out, each step in the wallet and in the ledger under one reference.

The wallet commits first, the ledger second, the buyer is told third. Whatever a crash leaves between the first two is
booked by `desktop.node.bookkeeping` at the next start, under the same reference.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from desktop.domain.errors import Busy, FundsShort, KeyUnknown, MintNotAccepted, PaymentRequired, TokenSpent
from desktop.domain.job import Job
from desktop.domain.money import Money
from desktop.ledger.accounts import BuyerSummary
from desktop.ledger.record import Ledger
from desktop.node import references
from desktop.node.books import Books
from desktop.wallet.operation import Operation, OperationKind, OperationState
from desktop.wallet.results import Received, Sent, TokenSummary

T = TypeVar("T")

MINT_CALLS_AT_ONCE: Final = 8


class Purse(Protocol):
    """The wallet as the node uses it; blocking, called from threads."""

    def inspect(self, token: str) -> TokenSummary:
        """Read a token without asking its mint."""
        ...

    def accepts(self, mint: str) -> bool:
        """Whether the owner accepts that mint's money."""
        ...

    def receive(self, token: str, *, reference: str) -> Received:
        """Make a token ours."""
        ...

    def send(self, amount_sat: int, mint: str, *, reference: str) -> Sent:
        """Make a token of ours; the same one for the same reference."""
        ...

    def balance(self) -> Mapping[str, int]:
        """Spendable sats by mint."""
        ...

    def operation(self, kind: OperationKind, reference: str) -> Operation | None:
        """How the operation of that kind with that reference stands."""
        ...


@dataclass(frozen=True, slots=True)
class Purchase:
    """A readable token that is good enough to be redeemed, and the account its value goes to."""

    text: str
    token: TokenSummary
    account: str

    @property
    def reference(self) -> str:
        """Under which wallet and ledger know its redemption."""
        return references.deposit(self.account, self.token.digest)


class Cashier:
    """Redeems tokens into buyers' accounts and pays accounts back as tokens."""

    def __init__(self, purse: Purse, books: Books, key_secret: bytes, now_ms: Callable[[], int]) -> None:
        self._purse = purse
        self._books = books
        self._key_secret = key_secret
        self._now_ms = now_ms
        self._entering: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(MINT_CALLS_AT_ONCE, thread_name_prefix="mint")

    async def close(self) -> None:
        """Wait for calls to mints that are under way."""
        await asyncio.to_thread(self._threads.shutdown)

    # Per-request payment

    def read(self, text: str, least: Money) -> Purchase:
        """A token that may pay for one request of at most `least`; nothing is redeemed yet.

        Raises TokenInvalid, MintNotAccepted, or PaymentRequired if its face value is too small.
        """
        token = self._accepted(text)
        offered = Money.from_sat(token.amount_sat)
        if offered < least:
            raise short(least, offered)
        return Purchase(text, token, references.token_account(token.digest))

    async def admit(self, purchase: Purchase, job_for: Callable[[str], Job]) -> Job:
        """Redeem the token and hold the job's most, with no moment between in which the account could be paid back.

        Raises PaymentRequired if the mint's fee left too little; what was redeemed is then owed.
        """
        account = purchase.account
        if self._entering[account]:
            raise spent_here()
        with self._entry(account):
            await self.redeem(purchase)
            job = job_for(account)
            await self._books.run(lambda ledger: ledger.accept_job(job))
        return job

    async def redeem(self, purchase: Purchase) -> Money:
        """Make the token ours and credit its account, net of the mint's fee. Returns what was credited.

        A token pays once: TokenSpent if it was redeemed before, here or elsewhere.
        """
        received = await self._call(lambda: self._purse.receive(purchase.text, reference=purchase.reference))
        fee = Money.from_sat(received.fee_sat)
        net = Money.from_sat(received.amount_sat)
        at_ms = self._now_ms()
        new = await self._books.run(
            lambda ledger: ledger.deposit(purchase.account, received.mint, net + fee, fee, purchase.reference, at_ms)
        )
        if not new:
            raise spent_here()
        return net

    async def accept_by_key(self, key: str, job_for: Callable[[str], Job]) -> Job:
        """The same for a session key, in one go. `job_for` makes the job for the key's account."""

        def accept(ledger: Ledger) -> Job:
            job = job_for(open_account(ledger, key))
            ledger.accept_job(job)
            return job

        return await self._books.run(accept)

    # Accounts behind session keys

    async def open(self, text: str) -> tuple[str, Money]:
        """A session key for that token, the same one for the same token, and the account's balance.

        The key follows from the token and a secret of ours, so a buyer whose answer got lost asks again. That holds
        after the account was closed, too: the refund's answer may be what got lost, and only the key brings it back.
        """
        token = self._accepted(text)
        key = "sk-" + hmac.digest(self._key_secret, b"session key " + token.digest.encode(), "sha256").hex()
        account = references.key_account(hash_key(key))
        known = await self._books.run(lambda ledger: ledger.key(hash_key(key)))
        if known is None:
            purchase = Purchase(text, token, account)
            at_ms = self._now_ms()
            try:
                await self.redeem(purchase)
            except TokenSpent:
                # Booked by a start after a crash, or by the same request twice at once: it is in the account.
                if not await self._books.run(lambda ledger: ledger.balance(account)):
                    raise
            await self._books.run(lambda ledger: ledger.add_key(hash_key(key), account, at_ms))
        return key, (await self._books.run(lambda ledger: ledger.buyer_summary(account))).available

    async def summary(self, key: str) -> BuyerSummary:
        """The account behind a key, or KeyUnknown."""
        return await self._books.run(lambda ledger: ledger.buyer_summary(open_account(ledger, key)))

    async def top_up(self, key: str, text: str) -> Money:
        """Redeem another token into the key's account. Returns what was credited."""
        account = references.key_account(hash_key(key))
        # First in, then a look whether the key is open: closed from now on it is not paid out before we are done.
        with self._entry(account):
            await self._books.run(lambda ledger: open_account(ledger, key))
            return await self.redeem(Purchase(text, self._accepted(text), account))

    async def close_account(self, key: str) -> str:
        """Close the key and pay its account out; asked again, the same token."""
        known = await self._books.run(lambda ledger: ledger.key(hash_key(key)))
        if known is None:
            raise unknown_key()
        if not known.closed:
            summary = await self._books.run(lambda ledger: ledger.buyer_summary(known.account))
            if summary.reserved:
                raise still_answering()
            at_ms = self._now_ms()
            await self._books.run(lambda ledger: ledger.close_key(hash_key(key), at_ms))
        token = await self.pay_back(known.account)
        if token is None:
            raise KeyUnknown("Nothing is left in this account.")
        return token

    # Paying back

    async def owed_for(self, text: str) -> str:
        """What is owed for a token that paid for one request, as a token; KeyUnknown if nothing is.

        Raises MintUnreachable while it is not known whether the token is ours: "nothing" would be the last word on it.
        """
        summary = self._purse.inspect(text)
        purchase = Purchase(text, summary, references.token_account(summary.digest))
        taken = await self._call(lambda: self._purse.operation(OperationKind.RECEIVE, purchase.reference))
        if taken is not None and taken.state is not OperationState.FAILED and not self._entering[purchase.account]:
            # Perhaps the mint did not answer, or it did and nobody was left to book it. If it is booked, this is that.
            with suppress(TokenSpent):
                await self.redeem(purchase)
        token = await self.pay_back(purchase.account)
        if token is None:
            raise KeyUnknown(
                "Nothing is owed for this token here.",
                why="It was never redeemed here, or the request used all of it, or it is still being answered.",
            )
        return token

    async def pay_back(self, account: str) -> str | None:
        """All whole sats of an account as one token; the rest below a sat is earned. None if there are none.

        Asked again, the very same token: one account is paid back once. Raises MintUnreachable or FundsShort while
        no mint can make it; the money then stays set aside for the next try. Raises Busy while the account still pays
        for a request: what that leaves belongs to the same token.
        """
        summary = await self._books.run(lambda ledger: ledger.buyer_summary(account))
        if summary.reserved or self._entering[account]:
            raise still_answering()
        reference = references.change(account)
        at_ms = self._now_ms()
        amount = await self._books.run(lambda ledger: ledger.reserve_payout(account, reference, at_ms))
        if not amount:
            return None
        mint = await self._mint_with(account, amount.whole_sat)
        sent = await self._call(lambda: self._purse.send(amount.whole_sat, mint, reference=reference))
        fee = Money.from_sat(sent.fee_sat)

        def book(ledger: Ledger) -> None:
            ledger.payout_to_buyer(account, sent.mint, amount, fee, reference, at_ms)
            ledger.round_down(account, reference, at_ms)

        await self._books.run(book)
        return sent.token

    async def _mint_with(self, account: str, amount_sat: int) -> str:
        """A mint we hold enough at: the one the buyer paid with, if it can."""
        funds = await self._call(self._purse.balance)
        paid_with = await self._books.run(lambda ledger: ledger.mint_of(account))
        enough = sorted((mint for mint, sat in funds.items() if sat >= amount_sat), key=lambda mint: mint != paid_with)
        if enough:
            return enough[0]
        if paid_with is not None and paid_with in funds:
            return paid_with
        raise FundsShort("No mint holds enough for this payment now.", now="Ask again later; it stays yours.")

    @contextmanager
    def _entry(self, account: str) -> Iterator[None]:
        """Money is on its way into that account: until the end of the block it is not paid back."""
        self._entering[account] += 1
        try:
            yield
        finally:
            self._entering -= Counter((account,))

    def _accepted(self, text: str) -> TokenSummary:
        token = self._purse.inspect(text)
        if not self._purse.accepts(token.mint):
            raise MintNotAccepted(
                "This token's mint is not accepted here.", now="GET /v1/info lists the mints that are."
            )
        return token

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def hash_key(key: str) -> str:
    """What is kept of a session key."""
    return hashlib.sha256(key.encode()).hexdigest()


def open_account(ledger: Ledger, key: str) -> str:
    """The account of a key that may still pay, or KeyUnknown."""
    known = ledger.key(hash_key(key))
    if known is None or known.closed:
        raise unknown_key()
    return known.account


def unknown_key() -> KeyUnknown:
    """The error for keys that were never issued here or are closed."""
    return KeyUnknown(
        "This session key is not known here.",
        why="It was never issued by this node, or its balance was refunded.",
        now="Make a new one from an ecash token with POST /v1/balance/create.",
    )


def spent_here() -> TokenSpent:
    """The error for a token that was shown to us before."""
    return TokenSpent("This token has paid before.", now="Its change, if any is owed, is at /v1/balance/refund.")


def still_answering() -> Busy:
    """The error for paying back an account whose request is still running."""
    return Busy("A request that this money pays for is still being answered.", now="Ask again then.", retry_after_s=2)


def short(least: Money, offered: Money) -> PaymentRequired:
    """The error for a payment below the most a request can cost."""
    return PaymentRequired(
        "The payment is too small.",
        required_msat=least.msat,
        offered_msat=offered.msat,
        why=f"This request may cost up to {least}; {offered} came with it.",
        now="Send more, or ask for fewer tokens. What is not used comes back.",
    )
