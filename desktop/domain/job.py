"""One job: a paid request, from the moment its money is safe to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from desktop.domain.money import Money
from desktop.domain.pricing import Usage


class JobKind(StrEnum):
    """Which endpoint the job came through."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"


class Payment(StrEnum):
    """How a job is paid."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret: an ecash token sent with the request
    SESSION = "session"


class JobState(StrEnum):
    """A job is accepted once its money is held; every later state is reached through `JOB_TRANSITIONS`."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


JOB_TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.ACCEPTED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.COMPLETED, JobState.CANCELLED, JobState.FAILED}),
    JobState.COMPLETED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the ledger keeps it. Times are UTC, in whole milliseconds since 1970; no prompt, no answer.

    `account` is the buyer's ledger account, a hash that names nobody. `charged` is zero until the job ends, and
    stays zero if it failed: a buyer pays for delivered tokens only.
    """

    id: str
    kind: JobKind
    model_id: str
    payment: Payment
    account: str
    held: Money
    state: JobState
    accepted_at_ms: int
    started_at_ms: int | None = None
    first_token_at_ms: int | None = None
    finished_at_ms: int | None = None
    usage: Usage = Usage(0, 0)
    charged: Money = Money()
    reason: str = ""
