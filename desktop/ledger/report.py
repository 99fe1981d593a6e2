"""The ledger as its readers see it: never blocks the writer, cannot change anything.

Periods are [start, end) in UTC milliseconds, told by the caller, who knows the local time zone and its changes. Edges
lie on quarters of an hour, as every time zone's midnight does: totals are kept per quarter of an hour, so a period
costs the same however many jobs it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import msgspec
from sqlite_utils import Database

from desktop.domain.errors import StorageUnusable
from desktop.domain.job import Job, JobKind, JobState
from desktop.domain.money import Money
from desktop.domain.node_state import Interval
from desktop.domain.pricing import Usage
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.ledger import benchmarks, books, check, energy, jobs, timeline
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.check import Finding
from desktop.ledger.energy import JobEnergy, Metered, Worked
from desktop.ledger.jobs import LastJobs
from desktop.ledger.storage import Storage
from desktop.ledger.timeline import Share

QUARTER_MS: Final = energy.QUARTER_MS
PAGE_JOBS: Final = 500


@dataclass(frozen=True, slots=True)
class Totals:
    """What ended in a period. `earned` is what jobs were charged plus what was rounded down."""

    start_ms: int
    end_ms: int
    charged: Money = Money()
    rounded: Money = Money()
    usage: Usage = Usage(0, 0)
    jobs: dict[JobState, int] = field(default_factory=dict)

    @property
    def earned(self) -> Money:
        """Everything the period brought."""
        return self.charged + self.rounded


@dataclass(frozen=True, slots=True)
class ModelTotals:
    """What one model did in a period, through one endpoint."""

    model_id: str
    kind: JobKind
    jobs: int
    usage: Usage
    charged: Money


@dataclass(frozen=True, slots=True)
class Summary:
    """A period at a glance. `uptime` is the share of its known time in which work could be done, 0 … 1."""

    totals: Totals
    uptime: float
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Funds:
    """Where the money is and whose it is, now. `wallets` is what the wallet's proofs should be worth, by mint."""

    wallets: dict[str, Money]
    fees: dict[str, Money]
    earned: Money
    owner: Money
    costs: Money
    held: Money
    owed: Money

    @property
    def spendable(self) -> Money:
        """What is the owner's: earned and put in, less taken out, less fees."""
        return self.earned + self.owner + self.costs


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; None means any. The period is about when they were accepted.

    `search` is a part of the job's or the model's id, in capitals or not, empty for any; `named` are models that it
    means as well.
    """

    state: JobState | None = None
    model_id: str | None = None
    kind: JobKind | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    search: str = ""
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs, newest first; `before` asks for the next page, None at the end."""

    jobs: tuple[Job, ...]
    before: int | None


class Report:
    """The reader. Blocking, safe to call from any thread; one call sees one state of the ledger.

    Every method may raise StorageUnusable.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing ledger. Raises DatabaseNewer, StorageUnusable, or LedgerError for one too old to read."""
        return cls(Storage.open_to_read(path))

    def close(self) -> None:
        """Close the file."""
        self._storage.close()

    def summary(self, start_ms: int, end_ms: int, now_ms: int) -> Summary:
        """A period, such as today, at a glance."""
        with self._storage.read() as db:
            totals = _totals(db, start_ms, end_ms)
            shares = timeline.shares(db, start_ms, end_ms, now_ms)
        known_ms = sum(share.duration_ms for share in shares)
        up_ms = sum(share.duration_ms for share in shares if share.state in timeline.UP)
        return Summary(totals, up_ms / known_ms if known_ms else 0.0, tuple(shares))

    def chart(self, edges_ms: Sequence[int]) -> list[Totals]:
        """Totals between each two neighbouring edges: 31 midnights make a chart of 30 days, 25 hours one of a day."""
        with self._storage.read() as db:
            return [_totals(db, start_ms, end_ms) for start_ms, end_ms in pairwise(edges_ms)]

    def by_model(self, start_ms: int, end_ms: int) -> list[ModelTotals]:
        """Totals of a period per model and kind, best earner first; rounding belongs to no model."""
        with self._storage.read() as db:
            rows = db.execute(
                "SELECT model_id, kind, sum(jobs), sum(prompt_tokens), sum(completion_tokens), sum(charged_msat)"
                " FROM quarters WHERE quarter >= ? AND quarter < ? GROUP BY model_id, kind"
                " ORDER BY sum(charged_msat) DESC, model_id, kind",
                (_quarter(start_ms), _quarter(end_ms)),
            ).fetchall()
        return [
            ModelTotals(model_id, JobKind(kind), count, Usage(prompt, completion), Money(charged))
            for model_id, kind, count, prompt, completion, charged in rows
        ]

    def metered(self, start_ms: int, end_ms: int) -> list[Metered]:
        """What devices used in a period, by quarter of an hour and device, oldest first."""
        with self._storage.read() as db:
            return energy.metered(db, (_quarter(start_ms), _quarter(end_ms)))

    def worked(self, start_ms: int, end_ms: int, *, by_quarter: bool = False) -> list[Worked]:
        """What jobs of a period brought and took, by model and device, and by quarter of an hour if asked."""
        with self._storage.read() as db:
            return energy.worked(db, (_quarter(start_ms), _quarter(end_ms)), by_quarter=by_quarter)

    def job_energy(self, job_id: str) -> JobEnergy | None:
        """What one job took; None if nothing was noted of it."""
        with self._storage.read() as db:
            return energy.of_job(db, job_id)

    def last_jobs(self) -> LastJobs:
        """When the newest job was accepted, and the newest one that brought money."""
        with self._storage.read() as db:
            return jobs.newest(db)

    def funds(self) -> Funds:
        """Where the money is and whose it is."""
        with self._storage.read() as db:
            wallets = books.balances(db, books.WALLET_PREFIX)
            fees = books.balances(db, books.FEES_PREFIX)
            earned, owner, costs = (books.balance(db, each) for each in (books.EARNED, books.OWNER, books.COSTS))
            held = books.balance(db, books.HELD_JOBS) + books.balance(db, books.HELD_PAYOUTS)
            claims = -books.balance(db, books.FUNDS)
        # The book sums to zero, so buyers' claims follow from the rest without adding up every buyer there ever was.
        return Funds(wallets, fees, earned, owner, costs, held, claims - earned - owner - costs - held)

    def jobs(self, wanted: JobFilter | None = None, *, limit: int = 50, before: int | None = None) -> Page:
        """Up to `limit` (at most 500) jobs, newest first."""
        limit = min(max(limit, 1), PAGE_JOBS)
        where, values = _where(wanted or JobFilter())
        if before is not None:
            where = [*where, "(accepted_at_ms, n) < (SELECT accepted_at_ms, n FROM jobs WHERE n = ?)"]
            values = [*values, before]
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        with self._storage.read() as db:
            rows = db.execute(
                f"{jobs.SELECT_JOBS} {condition} ORDER BY accepted_at_ms DESC, n DESC LIMIT ?", [*values, limit + 1]
            ).fetchall()
        following = rows[limit - 1][0] if len(rows) > limit else None
        return Page(tuple(jobs.job_from(row) for row in rows[:limit]), following)

    def every_job(self, wanted: JobFilter | None = None) -> Iterator[Job]:
        """All jobs, oldest first, read in pieces: no memory for millions, no long hold on the file."""
        where, values = _where(wanted or JobFilter())
        # The plus keeps other indexes out: they would sort everything again for every piece.
        condition = " AND ".join([*(f"+{each}" for each in where), "n > ?"])
        last = 0
        while True:
            with self._storage.read() as db:
                rows = db.execute(
                    f"{jobs.SELECT_JOBS} WHERE {condition} ORDER BY n LIMIT ?", [*values, last, PAGE_JOBS]
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from map(jobs.job_from, rows)

    def job(self, job_id: str) -> Job | None:
        """One job."""
        with self._storage.read() as db:
            return jobs.find(db, job_id)

    def receipt(self, job_id: str) -> SignedReceipt | None:
        """The signed receipt of a job, if it has one."""
        with self._storage.read() as db:
            row = db.execute(
                "SELECT body, signature FROM receipts JOIN jobs ON jobs.n = job_n WHERE id = ?", (job_id,)
            ).fetchone()
        if row is None:
            return None
        try:
            return SignedReceipt(msgspec.json.decode(row[0], type=Receipt), row[1].hex())
        except msgspec.MsgspecError as error:
            raise StorageUnusable("A receipt in the ledger cannot be read.", why="The file is damaged.") from error

    def intervals(self, start_ms: int, end_ms: int, now_ms: int) -> list[Interval]:
        """Uptime within a period, oldest first, clipped to it."""
        with self._storage.read() as db:
            return timeline.intervals(db, start_ms, end_ms, now_ms)

    def shares(self, start_ms: int, end_ms: int, now_ms: int) -> list[Share]:
        """Time per state and reason within a period, longest first."""
        with self._storage.read() as db:
            return timeline.shares(db, start_ms, end_ms, now_ms)

    def current(self, now_ms: int) -> Interval | None:
        """The state that lasts; OFF if the node was not seen for minutes, None if it never ran."""
        with self._storage.read() as db:
            return timeline.current(db, now_ms)

    def benchmarks(self, limit: int = 20, device_id: str | None = None) -> list[KeptBenchmark]:
        """What was measured, newest first, of one device or of all; without the opened rows."""
        with self._storage.read() as db:
            return benchmarks.newest(db, limit, device_id)

    def benchmark_openings(self, digest: str) -> bytes | None:
        """The opened rows of one report; None where they are no longer kept."""
        with self._storage.read() as db:
            return benchmarks.openings(db, digest)

    def verify(self) -> list[Finding]:
        """Recompute everything that is kept twice; an empty list is a clean ledger."""
        with self._storage.read() as db:
            return check.verify(db)


def _quarter(at_ms: int) -> int:
    quarter, rest = divmod(at_ms, QUARTER_MS)
    if rest:
        raise ValueError("periods begin and end on a quarter of an hour")
    return quarter


def _totals(db: Database, start_ms: int, end_ms: int) -> Totals:
    bounds = (_quarter(start_ms), _quarter(end_ms))
    rows = db.execute(
        "SELECT outcome, sum(jobs), sum(prompt_tokens), sum(completion_tokens), sum(charged_msat)"
        " FROM quarters WHERE quarter >= ? AND quarter < ? GROUP BY outcome",
        bounds,
    ).fetchall()
    ((rounded,),) = db.execute(
        "SELECT coalesce(sum(rounded_msat), 0) FROM rounding WHERE quarter >= ? AND quarter < ?", bounds
    ).fetchall()
    return Totals(
        start_ms,
        end_ms,
        charged=Money(sum(row[4] for row in rows)),
        rounded=Money(rounded),
        usage=Usage(sum(row[2] for row in rows), sum(row[3] for row in rows)),
        jobs={JobState(row[0]): row[1] for row in rows},
    )


def _where(wanted: JobFilter) -> tuple[list[str], list[int | str]]:
    conditions: list[tuple[str, int | str | None]] = [
        ("state = ?", wanted.state and wanted.state.value),
        ("model_id = ?", wanted.model_id),
        ("kind = ?", wanted.kind and wanted.kind.value),
        ("accepted_at_ms >= ?", wanted.start_ms),
        ("accepted_at_ms < ?", wanted.end_ms),
    ]
    where = [condition for condition, value in conditions if value is not None]
    if wanted.state in jobs.TERMINAL:
        where.append("finished_at_ms IS NOT NULL")  # lets the index on outcomes be used
    values = [value for _, value in conditions if value is not None]
    if wanted.search:
        named = ", ".join("?" * len(wanted.named))
        # Not LIKE: what was typed has no wildcards in it.
        where.append(f"(instr(lower(jobs.id), lower(?)) OR instr(lower(model_id), lower(?)) OR model_id IN ({named}))")
        values += [wanted.search, wanted.search, *wanted.named]
    return where, values
