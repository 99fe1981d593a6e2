"""What a wallet does with money, one operation at a time, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from desktop.wallet.coin import Coin, total


class OperationKind(StrEnum):
    """What the operation is for."""

    RECEIVE = "receive"
    SEND = "send"
    RECLAIM = "reclaim"
    MINT = "mint"
    MELT = "melt"


class OperationState(StrEnum):
    """Unsettled operations (`running`, `stalled`) may still go either way; the others never change."""

    RUNNING = "running"
    STALLED = "stalled"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Amounts are sat; times UTC in ms.

    `amount_sat` is what arrived (receive, reclaim, mint) or what was to be paid (send, melt). `face_sat` is the face
    value of the token that came in or went out. `fee_sat` is what the mint kept of ours; it is final once `done`.
    `failure` names the error class of a failed operation.
    """

    kind: OperationKind
    reference: str
    state: OperationState
    mint: str
    amount_sat: int
    face_sat: int
    fee_sat: int
    failure: str
    at_ms: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What an operation came to; the fields mean what they mean in `Operation`."""

    amount_sat: int
    face_sat: int
    fee_sat: int


@dataclass(frozen=True, slots=True)
class Output:
    """A coin to be: number `counter` of its keyset. `amount` is 0 for a blank the mint fills in (NUT-08).

    `leaves` says that it will go into a token rather than stay with us.
    """

    keyset_id: str
    counter: int
    amount: int
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class SignedOutput:
    """An output with the mint's signature, unblinded and verified."""

    output: Output
    amount: int
    signature: bytes
    dleq_e: bytes
    dleq_s: bytes

    def __repr__(self) -> str:
        return f"SignedOutput({self.amount})"


@dataclass(frozen=True, slots=True)
class Work:
    """An operation with all that is needed to carry it out. `attempts` holds its outputs, the newest set first.

    Older sets are kept because the mint may have signed them after we stopped waiting.
    """

    id: int
    operation: Operation
    inputs: tuple[Coin, ...]
    attempts: tuple[tuple[Output, ...], ...]
    quote: str

    def __repr__(self) -> str:
        return f"Work({self.operation!r})"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs to ask for now."""
        return self.attempts[0] if self.attempts else ()

    @property
    def put_in_sat(self) -> int:
        """The face value of the inputs."""
        return total(self.inputs)
