"""Jobs as rows: written at acceptance, completed once at their end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.domain.job import JOB_TRANSITIONS, Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import SignedReceipt
from desktop.ledger.books import BUYER_PREFIX

TERMINAL: Final = frozenset(state for state, following in JOB_TRANSITIONS.items() if not following)

SELECT_JOBS: Final = f"""
SELECT n, jobs.id, kind, model_id, payment, substr(accounts.name, {len(BUYER_PREFIX) + 1}), held_msat, state,
       accepted_at_ms, started_at_ms, first_token_at_ms, finished_at_ms, prompt_tokens, completion_tokens,
       charged_msat, reason
FROM jobs JOIN accounts ON accounts.id = account_id
"""  # noqa: S608 - a constant of our own
Row = tuple[int, str, str, str, str, str, int, str, int, int | None, int | None, int | None, int, int, int, str]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended.

    `started_at_ms` and `first_token_at_ms` may be left to be told here, which saves the writes on the way.
    """

    state: JobState
    finished_at_ms: int
    usage: Usage = Usage(0, 0)
    charged: Money = Money()
    reason: str = ""
    started_at_ms: int | None = None
    first_token_at_ms: int | None = None


def job_from(row: Row) -> Job:
    """A row of SELECT_JOBS as a job."""
    return Job(
        id=row[1],
        kind=JobKind(row[2]),
        model_id=row[3],
        payment=Payment(row[4]),
        account=row[5],
        held=Money(row[6]),
        state=JobState(row[7]),
        accepted_at_ms=row[8],
        started_at_ms=row[9],
        first_token_at_ms=row[10],
        finished_at_ms=row[11],
        usage=Usage(row[12], row[13]),
        charged=Money(row[14]),
        reason=row[15],
    )


def find(db: Database, job_id: str) -> Job | None:
    """The job of that id."""
    row = db.execute(f"{SELECT_JOBS} WHERE jobs.id = ?", (job_id,)).fetchone()
    return None if row is None else job_from(row)


def require(db: Database, job_id: str) -> Job:
    """The job of that id; ValueError if it was never accepted."""
    job = find(db, job_id)
    if job is None:
        raise ValueError(f"job {job_id} was never accepted")
    return job


def insert(db: Database, job: Job, account_id: int) -> None:
    """A new row for a job that is accepted now."""
    db.execute(
        "INSERT INTO jobs (id, kind, model_id, payment, account_id, held_msat, state, accepted_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, 'accepted', ?)",
        (job.id, job.kind.value, job.model_id, job.payment.value, account_id, job.held.msat, job.accepted_at_ms),
    )


def advance(state: JobState, *steps: JobState) -> None:
    """Raise ValueError unless `JOB_TRANSITIONS` allows these steps."""
    for step in steps:
        if step not in JOB_TRANSITIONS[state]:
            raise ValueError(f"a job that is {state} cannot become {step}")
        state = step


def finish(db: Database, job: Job, ending: Ending) -> None:
    """Complete the row of an unfinished job; the triggers add it to the totals."""
    if ending.state not in TERMINAL:
        raise ValueError(f"{ending.state} is no end")
    if job.state is JobState.ACCEPTED and ending.started_at_ms is not None:
        advance(job.state, JobState.RUNNING, ending.state)
    else:
        advance(job.state, ending.state)
    db.execute(
        "UPDATE jobs SET state = ?, started_at_ms = coalesce(started_at_ms, ?),"
        " first_token_at_ms = coalesce(first_token_at_ms, ?), finished_at_ms = ?, prompt_tokens = ?,"
        " completion_tokens = ?, charged_msat = ?, reason = ? WHERE id = ?",
        (
            ending.state.value,
            ending.started_at_ms,
            ending.first_token_at_ms,
            ending.finished_at_ms,
            ending.usage.prompt_tokens,
            ending.usage.completion_tokens,
            ending.charged.msat,
            ending.reason,
            job.id,
        ),
    )


def attach_receipt(db: Database, job_id: str, signed: SignedReceipt) -> None:
    """Keep the signed bytes as they are, so that they stay checkable whatever later versions call their fields."""
    db.execute(
        "INSERT INTO receipts (job_n, body, signature) SELECT n, ?, ? FROM jobs WHERE id = ?",
        (signed.receipt.canonical().decode(), bytes.fromhex(signed.signature), job_id),
    )
