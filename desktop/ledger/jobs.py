"""Jobs as rows: written at acceptance, completed once at their end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.domain.job import JOB_TRANSITIONS, Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import SignedReceipt
from desktop.ledger import books
from desktop.ledger.books import BUYER_PREFIX, Kind, Movement

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


@dataclass(frozen=True, slots=True)
class LastJobs:
    """When the newest job was accepted, and the newest one that brought money; None: there was none."""

    accepted_at_ms: int | None
    paid_at_ms: int | None


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


def newest(db: Database) -> LastJobs:
    """When the newest job was accepted, and the newest one that brought money; each is looked up in the index."""
    last = db.execute("SELECT max(accepted_at_ms) FROM jobs").fetchone()
    paid = db.execute(
        "SELECT accepted_at_ms FROM jobs WHERE charged_msat > 0 ORDER BY accepted_at_ms DESC LIMIT 1"
    ).fetchone()
    return LastJobs(last[0], None if paid is None else int(paid[0]))


def unfinished(db: Database) -> list[Job]:
    """Jobs whose money is held, oldest first."""
    # The plus keeps the index of unfinished jobs in use: the order of `n` itself invites a walk over all of them.
    rows = db.execute(f"{SELECT_JOBS} WHERE finished_at_ms IS NULL ORDER BY +n").fetchall()
    return [job_from(row) for row in rows]


def accept(db: Database, job: Job) -> bool:
    """Hold the money and write the job down; False if this very job was accepted before."""
    if job.state is not JobState.ACCEPTED:
        raise ValueError("a job starts as accepted")
    known = find(db, job.id)
    if known is not None:
        if (known.account, known.held, known.model_id) != (job.account, job.held, job.model_id):
            raise ValueError(f"job {job.id} was accepted on other terms")
        return False
    source = books.buyer(job.account)
    books.require(books.balance(db, source), job.held)
    db.execute(
        "INSERT INTO jobs (id, kind, model_id, payment, account_id, held_msat, state, accepted_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, 'accepted', ?)",
        (
            job.id,
            job.kind.value,
            job.model_id,
            job.payment.value,
            books.ensure(db, source),
            job.held.msat,
            job.accepted_at_ms,
        ),
    )
    if job.held:
        movement = Movement(Kind.HOLD, source, books.HELD_JOBS, job.held)
        books.post(db, (movement,), reference=job.id, at_ms=job.accepted_at_ms)
    return True


def start(db: Database, job_id: str, at_ms: int) -> None:
    """Mark a job as running."""
    _advance(_require(db, job_id).state, JobState.RUNNING)
    db.execute("UPDATE jobs SET state = 'running', started_at_ms = ? WHERE id = ?", (at_ms, job_id))


def mark_first_token(db: Database, job_id: str, at_ms: int) -> None:
    """Note when a running job's first token left; the first note stays."""
    if _require(db, job_id).state is not JobState.RUNNING:
        raise ValueError("only a running job has a first token")
    db.execute("UPDATE jobs SET first_token_at_ms = coalesce(first_token_at_ms, ?) WHERE id = ?", (at_ms, job_id))


def finish(db: Database, job_id: str, ending: Ending, receipt: SignedReceipt | None) -> bool:
    """End a job in work, money and paper; False if it ended the same way before."""
    job = _require(db, job_id)
    if job.state in TERMINAL:
        if (job.state, job.charged) != (ending.state, ending.charged):
            raise ValueError(f"job {job_id} ended otherwise before")
        return False
    _check(job, ending, receipt)
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
    for movement in (
        Movement(Kind.CHARGE, books.HELD_JOBS, books.EARNED, ending.charged),
        Movement(Kind.RELEASE, books.HELD_JOBS, books.buyer(job.account), job.held - ending.charged),
    ):
        if movement.amount:
            books.post(db, (movement,), reference=job_id, at_ms=ending.finished_at_ms)
    if receipt is not None:
        # The signed bytes stay as they are, checkable whatever later versions call their fields.
        db.execute(
            "INSERT INTO receipts (job_n, body, signature) SELECT n, ?, ? FROM jobs WHERE id = ?",
            (receipt.receipt.canonical().decode(), bytes.fromhex(receipt.signature), job_id),
        )
    return True


def _check(job: Job, ending: Ending, receipt: SignedReceipt | None) -> None:
    if ending.state not in TERMINAL:
        raise ValueError(f"{ending.state} is no end")
    skipped_start = job.state is JobState.ACCEPTED and ending.started_at_ms is not None
    _advance(job.state, *((JobState.RUNNING,) if skipped_start else ()), ending.state)
    if not 0 <= ending.charged.msat <= job.held.msat:
        raise ValueError(f"job {job.id} may be charged up to what was held")
    if ending.charged and ending.state is JobState.FAILED:
        raise ValueError("a failed job costs nothing")
    if receipt is not None:
        told = (receipt.receipt.job_id, receipt.receipt.charged_msat, receipt.receipt.outcome)
        if told != (job.id, ending.charged.msat, ending.state.value):
            raise ValueError("the receipt is for something else")


def _require(db: Database, job_id: str) -> Job:
    job = find(db, job_id)
    if job is None:
        raise ValueError(f"job {job_id} was never accepted")
    return job


def _advance(state: JobState, *steps: JobState) -> None:
    for step in steps:
        if step not in JOB_TRANSITIONS[state]:
            raise ValueError(f"a job that is {state} cannot become {step}")
        state = step
