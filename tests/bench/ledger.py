"""How fast the ledger answers with one million jobs in it: run as `python -m tests.bench.ledger [JOBS]`.

The jobs are written as the ledger writes them, its triggers at work, but many to a transaction; spread over 30 days,
with a receipt and an interval of uptime for each; `verify` then proves the whole. Every tenth is cancelled, every
fiftieth fails. Times are medians of single calls through `Report` with a warm cache.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlite_utils import Database

from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import Receipt
from desktop.ledger import books, energy
from desktop.ledger.books import Kind, Movement
from desktop.ledger.energy import Metered
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import QUARTER_MS, JobFilter, Report
from desktop.ledger.storage import Storage

DAY_MS = 86_400_000
DAYS = 30
END_MS = 1_800_000_000_000 // DAY_MS * DAY_MS
START_MS = END_MS - DAYS * DAY_MS
BATCH = 20_000
REPEATS = 15


HELD_MSAT = 1000
INSERT_JOBS = (
    "INSERT INTO jobs (n, id, kind, model_id, payment, account_id, held_msat, state, accepted_at_ms)"
    " VALUES (?, ?, ?, ?, 'session', ?, ?, 'accepted', ?)"
)
FINISH_JOBS = (
    "UPDATE jobs SET state = ?, started_at_ms = ?, first_token_at_ms = ?, finished_at_ms = ?, prompt_tokens = ?,"
    " completion_tokens = ?, charged_msat = ? WHERE n = ?"
)
INSERT_TRANSFERS = (
    "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (?, ?, ?, ?, ?, ?)"
)
INSERT_RECEIPTS = "INSERT INTO receipts (job_n, body, signature) VALUES (?, ?, zeroblob(64))"
INSERT_ENERGY = "INSERT INTO job_energy (job_n, meter_id, work_mj) VALUES (?, 1, ?)"
INSERT_INTERVALS = "INSERT INTO intervals (start_ms, end_ms, state, reason, detail) VALUES (?, ?, ?, 'serving', '')"


@dataclass(frozen=True, slots=True)
class Sample:
    """The n-th job there is, the same in every run."""

    n: int
    at_ms: int

    @property
    def id(self) -> str:
        return f"{self.n:032x}"

    @property
    def state(self) -> JobState:
        return JobState.FAILED if self.n % 50 == 0 else JobState.CANCELLED if self.n % 10 == 0 else JobState.COMPLETED

    @property
    def charged_msat(self) -> int:
        return 0 if self.state is JobState.FAILED else 100 + self.n % 700

    @property
    def kind(self) -> JobKind:
        return JobKind.EMBEDDING if self.n % 3 == 0 else JobKind.CHAT

    @property
    def model_id(self) -> str:
        return "minilm" if self.n % 3 == 0 else f"smol-{self.n % 2}"

    @property
    def usage(self) -> Usage:
        return Usage(20 + self.n % 30, self.n % 200)

    @property
    def receipt(self) -> Receipt:
        return Receipt(
            job_id=self.id,
            node="ab" * 32,
            model_id=self.model_id,
            model_digest="cd" * 32,
            prompt_tokens=self.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens,
            charged_msat=self.charged_msat,
            accepted_at_ms=self.at_ms,
            finished_at_ms=self.at_ms + 900,
            outcome=self.state.value,
        )


def fill(path: Path, count: int) -> None:
    """Write that many jobs, ended, evenly over the 30 days, many to a transaction and with every trigger at work."""
    storage = Storage.open_to_write(path)
    step_ms = DAYS * DAY_MS / count
    for first in range(1, count + 1, BATCH):
        numbers = range(first, min(first + BATCH, count + 1))
        with storage.write() as db:
            _write(db, f"buyer-{first % 7}", [Sample(n, START_MS + int(n * step_ms)) for n in numbers], int(step_ms))
    storage.close()


def _write(db: Database, account: str, samples: list[Sample], step_ms: int) -> None:
    gross = Money(HELD_MSAT * len(samples))
    deposit = Movement(Kind.DEPOSIT, books.FUNDS, books.buyer(account), gross)
    coins = Movement(Kind.DEPOSIT_COINS, books.outside("mint"), books.wallet("mint"), gross)
    books.post(db, (deposit, coins), reference=f"deposit-{samples[0].n}", at_ms=START_MS)
    buyer, held, earned = (books.ensure(db, each) for each in (books.buyer(account), books.HELD_JOBS, books.EARNED))
    write = db.conn.executemany
    write(INSERT_JOBS, ((s.n, s.id, s.kind.value, s.model_id, buyer, HELD_MSAT, s.at_ms) for s in samples))
    write(INSERT_TRANSFERS, ((s.at_ms, buyer, held, HELD_MSAT, "hold", s.id) for s in samples))
    write(
        FINISH_JOBS,
        (
            (
                s.state.value,
                s.at_ms + 1,
                s.at_ms + 40,
                s.at_ms + 900,
                s.usage.prompt_tokens,
                s.usage.completion_tokens,
                s.charged_msat,
                s.n,
            )
            for s in samples
        ),
    )
    charged = ((s.at_ms + 900, held, earned, s.charged_msat, "charge", s.id) for s in samples if s.charged_msat)
    write(INSERT_TRANSFERS, charged)
    write(
        INSERT_TRANSFERS,
        ((s.at_ms + 900, held, buyer, HELD_MSAT - s.charged_msat, "release", s.id) for s in samples),
    )
    write(INSERT_RECEIPTS, ((s.n, s.receipt.canonical().decode()) for s in samples))
    db.execute("INSERT INTO meters (id, device) VALUES (1, 'cpu') ON CONFLICT DO NOTHING")
    write(INSERT_ENERGY, ((s.n, None if s.n % 100 == 0 else 5000 + s.n % 3000) for s in samples))
    quarters = sorted({s.at_ms // QUARTER_MS for s in samples})
    energy.add(db, (Metered("cpu", quarter * QUARTER_MS, 90_000_000, 1000, 900_000) for quarter in quarters))
    following = [*(s.at_ms for s in samples[1:]), samples[-1].at_ms + step_ms]
    last = db.execute("SELECT end_ms FROM intervals ORDER BY start_ms DESC LIMIT 1").fetchone()
    starts = [last[0] if last else samples[0].at_ms, *following[:-1]]
    write(
        INSERT_INTERVALS,
        (
            (start_ms, end_ms, "earning" if start_ms % 2 else "ready")
            for start_ms, end_ms in zip(starts, following, strict=True)
        ),
    )


def measure(path: Path) -> dict[str, float]:
    """Medians in milliseconds, by what was asked."""
    report = Report.open(path)
    today = END_MS - DAY_MS
    midnights = range(START_MS, END_MS + 1, DAY_MS)
    shifted = [each + 2 * QUARTER_MS for each in midnights]
    now = END_MS
    asked: dict[str, Callable[[], object]] = {
        "summary of today": lambda: report.summary(today, END_MS, now),
        "summary of 30 days": lambda: report.summary(START_MS, END_MS, now),
        "chart of 30 days": lambda: report.chart(midnights),
        "chart of 30 days, half-hour zone": lambda: report.chart(shifted),
        "chart of 24 hours": lambda: report.chart(range(today, END_MS + 1, DAY_MS // 24)),
        "models of 30 days": lambda: report.by_model(START_MS, END_MS),
        "work and energy of today": lambda: report.worked(today, END_MS, by_quarter=True),
        "work and energy of 30 days": lambda: report.worked(START_MS, END_MS, by_quarter=True),
        "meters of 30 days": lambda: report.metered(START_MS, END_MS),
        "newest jobs": report.last_jobs,
        "funds": report.funds,
        "first page of jobs": lambda: report.jobs(limit=50),
        "first page of failed jobs": lambda: report.jobs(JobFilter(state=JobState.FAILED), limit=50),
        "a page of a model nobody uses": lambda: report.jobs(JobFilter(model_id="none"), limit=50),
        "jobs of one day, a month ago": lambda: report.jobs(
            JobFilter(start_ms=START_MS, end_ms=START_MS + DAY_MS), limit=50
        ),
        "one job": lambda: report.job(f"{12345:032x}"),
        "one receipt": lambda: report.receipt(f"{12345:032x}"),
        "uptime of today": lambda: report.intervals(today, END_MS, now),
        "shares of a week": lambda: report.shares(END_MS - 7 * DAY_MS, END_MS, now),
    }
    found = {name: statistics.median(_timed_ms(ask) for _ in range(REPEATS)) for name, ask in asked.items()}
    found["export walk of everything"] = _timed_ms(lambda: sum(1 for _ in report.every_job()))
    found["verify"] = _timed_ms(lambda: _must_be_clean(report))
    report.close()
    return found


def measure_writes(path: Path) -> dict[str, float]:
    """Medians in milliseconds of the two writes of a job, each durable."""
    ledger = Ledger.open(path)
    ledger.deposit("writer", "mint", Money.from_sat(1000), Money(), "bench", END_MS)
    accepts, finishes = [], []
    for n in range(200):
        job = Job(f"w{n}", JobKind.CHAT, "smol-0", Payment.SESSION, "writer", Money(1000), JobState.ACCEPTED, END_MS)
        ending = Ending(JobState.COMPLETED, END_MS, Usage(1, 1), Money(10), started_at_ms=END_MS)
        accepts.append(_timed_ms(partial(ledger.accept_job, job)))
        finishes.append(_timed_ms(partial(ledger.finish_job, job.id, ending)))
    ledger.close()
    return {"accept a job": statistics.median(accepts), "finish a job": statistics.median(finishes)}


def _must_be_clean(report: Report) -> None:
    findings = report.verify()
    if findings:
        raise SystemExit(f"the ledger is not clean: {findings[0]}")


def _timed_ms(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Fill, measure, print for a person and, on the last line, for a program."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        started = time.perf_counter()
        fill(path, count)
        filled_s = time.perf_counter() - started
        size_mib = path.stat().st_size / 2**20
        print(f"{count:,} jobs written in {filled_s:.0f} s, {size_mib:.0f} MiB")  # noqa: T201 - a bench tells
        found = measure(path) | measure_writes(path)
    for name, took_ms in found.items():
        print(f"{took_ms:12.2f} ms  {name}")  # noqa: T201 - a bench tells
    print(json.dumps({"jobs": count, "mib": round(size_mib), "median_ms": found}))  # noqa: T201 - a bench tells


if __name__ == "__main__":
    main()
