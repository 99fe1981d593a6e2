"""What the HTTP API needs of the node behind it. The node implements `Desk`; the API knows nothing else of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from desktop.domain.inference import Delta, Embeddings, Finish, Message, Sampling
from desktop.domain.job import JobKind
from desktop.domain.model import Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import SignedReceipt


@dataclass(frozen=True, slots=True)
class TokenPayment:
    """An ecash token sent with the request (X-Cashu); the change goes back as a new token."""

    token: str


@dataclass(frozen=True, slots=True)
class SessionPayment:
    """A session key (`sk-…`) made from a token earlier."""

    key: str


PaymentOffer = TokenPayment | SessionPayment


@dataclass(frozen=True, slots=True)
class Order:
    """A validated request. Exactly one of `messages`, `text` and `texts` is filled, as `kind` says.

    `sampling.max_tokens` None means: as many as fit. For embeddings `sampling` is None.
    """

    kind: JobKind
    model_id: str
    sampling: Sampling | None = None
    messages: tuple[Message, ...] = ()
    text: str | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a job ended in money: `charged`, the change as a token (token payments with change only), the receipt.

    `change_token` is a bearer secret: it goes to the buyer and nowhere else.
    """

    usage: Usage
    charged: Money
    receipt: SignedReceipt | None
    change_token: str | None = None


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """A session account: what may be spent, what is reserved for running jobs, requests so far and what they cost."""

    available: Money
    reserved: Money
    requests: int
    spent: Money


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What `GET /v1/info` tells; everything here is public."""

    name: str
    description: str
    version: str
    npub: str
    endpoint_id: str
    mints: tuple[str, ...]
    endpoints: tuple[str, ...]


class OpenJob(Protocol):
    """A job whose money is held. Iterate it to its end or call `cancel`; `settle` then says what it cost.

    Iterating raises a domain error (WorkerDied, Unavailable) if the job fails; `settle` afterwards returns the full
    refund. Leaving the iteration early without `cancel` leaks nothing: `settle` cancels first.
    """

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    def answer(self) -> AsyncIterator[Delta | Finish]:
        """The pieces of a generated answer, a `Finish` last."""
        ...

    async def vectors(self) -> Embeddings:
        """The result of an embedding job."""
        ...

    async def cancel(self) -> None:
        """Stop generating within one step of the engine; only what was generated is charged."""
        ...

    async def settle(self) -> Settlement:
        """Charge, sign the receipt, make the change. Safe to call again: the same settlement comes back."""
        ...


class Desk(Protocol):
    """The node as its buyers see it. Every method raises errors of `desktop.domain.errors` and no others."""

    def info(self) -> NodeInfo:
        """Who we are."""
        ...

    def offers(self) -> Sequence[Offer]:
        """What is for sale now; empty while nothing can be served."""
        ...

    async def open(self, order: Order, payment: PaymentOffer) -> OpenJob:
        """Take the money, hold the most the job can cost, queue it.

        Raises ModelNotFound, ContextOverflow, RequestError, PaymentError, Busy or Unavailable. When it raises, nothing
        of the buyer's is kept: a token was either not redeemed, or its value is refunded: see `refund_token`.
        """
        ...

    async def create_account(self, token: str) -> tuple[str, Money]:
        """Redeem a token into a new session account. Returns its key and balance; the same key for the same token.

        That goes for a closed account as well, whose key pays for nothing any more but still fetches the refund.
        """
        ...

    async def account(self, key: str) -> AccountBalance:
        """The balance behind a session key, or KeyUnknown."""
        ...

    async def top_up(self, key: str, token: str) -> Money:
        """Redeem a token into an existing account. Returns what was added."""
        ...

    async def close_account(self, key: str) -> str:
        """Pay out everything available as a token and close the key. Asked again: the same token."""
        ...

    async def refund_token(self, token: str) -> str:
        """What is owed to whoever paid with `token` (per request), as a new token; the same one if asked again.

        This is how a buyer whose connection broke, or whose node crashed, gets its change. Raises KeyUnknown if that
        token was never redeemed here or nothing is owed.
        """
        ...

    def payment_request(self, amount: Money, description: str) -> str:
        """A NUT-18 payment request (`creqA…`) for at least that amount at the mints we accept."""
        ...
