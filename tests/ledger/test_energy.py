from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.ledger.energy import QUARTER_MS, JobEnergy, Metered
from desktop.ledger.jobs import Ending, LastJobs
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    yield ledger
    ledger.close()


@pytest.fixture
def report(path: Path, ledger: Ledger) -> Iterator[Report]:
    del ledger
    report = Report.open(path)
    yield report
    report.close()


def accept(ledger: Ledger, n: int, at_ms: int, model: str = "tiny") -> None:
    ledger.accept_job(
        Job(f"job-{n}", JobKind.CHAT, model, Payment.SESSION, "buyer", Money(900), JobState.ACCEPTED, at_ms)
    )


def finish(ledger: Ledger, n: int, at_ms: int, charged: int = 100) -> None:
    state = JobState.COMPLETED if charged else JobState.FAILED
    ledger.finish_job(f"job-{n}", Ending(state, at_ms, Usage(10, 20), Money(charged), started_at_ms=at_ms))


def test_what_is_measured_adds_up_in_its_quarter(ledger: Ledger, report: Report) -> None:
    ledger.add_energy([Metered("gpu", 0, 100, 60, 2000), Metered("gpu", QUARTER_MS - 1, 50, 0, 2000, 500)])
    ledger.add_energy([Metered("gpu", QUARTER_MS, 7, 7, 1), Metered("cpu", 0, unknown_ms=2000)])

    assert report.metered(0, 2 * QUARTER_MS) == [
        Metered("cpu", 0, 0, 0, 0, 2000),
        Metered("gpu", 0, 150, 60, 4000, 500),
        Metered("gpu", QUARTER_MS, 7, 7, 1, 0),
    ]
    assert report.verify() == []


def test_a_job_takes_its_energy_once_and_only_after_its_end(ledger: Ledger, report: Report) -> None:
    accept(ledger, 1, 5)
    early = JobEnergy("job-1", "gpu", 40)
    assert ledger.add_energy([], [early]) == [early]
    finish(ledger, 1, 10)
    assert ledger.add_energy([], [early]) == []
    assert ledger.add_energy([], [JobEnergy("job-1", "cpu", 99)]) == []

    assert report.job_energy("job-1") == early
    assert report.job_energy("none") is None
    (row,) = report.worked(0, QUARTER_MS)
    assert (row.device, row.jobs, row.measured, row.work_mj, row.usage) == ("gpu", 1, 1, 40, Usage(10, 20))


JOBS = st.lists(
    st.tuples(
        st.integers(0, 4 * QUARTER_MS),
        st.sampled_from(["tiny", "small"]),
        st.sampled_from(["gpu", "cpu"]),
        st.one_of(st.none(), st.integers(0, 10**9)),
        st.integers(0, 900),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(JOBS)
def test_sums_are_those_of_the_jobs(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[tuple[int, str, str, int | None, int]]
) -> None:
    path = tmp_path_factory.mktemp("energy") / "ledger.db"
    ledger = Ledger.open(path)
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    for n, (at_ms, model, device, energy_mj, charged) in enumerate(jobs):
        accept(ledger, n, at_ms, model)
        finish(ledger, n, at_ms, charged)
        ledger.add_energy([], [JobEnergy(f"job-{n}", device, energy_mj)])
    ledger.close()
    report = Report.open(path)
    for by_quarter in (True, False):
        rows = report.worked(0, 5 * QUARTER_MS, by_quarter=by_quarter)
        assert sum(row.jobs for row in rows) == len(jobs)
        assert sum(row.charged.msat for row in rows) == sum(job[4] for job in jobs)
        measured = [job for job in jobs if job[3] is not None]
        assert sum(row.measured for row in rows) == len(measured)
        assert sum(row.brought.msat for row in rows) == sum(job[4] for job in measured)
        assert sum(row.work_mj for row in rows) == sum(job[3] or 0 for job in measured)
        assert sum(row.usage.total_tokens for row in rows) == 30 * len(measured)
        assert len({(row.start_ms if by_quarter else 0, row.model_id, row.device) for row in rows}) == len(rows)
    assert report.verify() == []
    report.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM energy",
        "UPDATE energy SET total_mj = total_mj - 1",
        "UPDATE energy SET quarter = 9",
        "DELETE FROM job_energy",
        "UPDATE job_energy SET work_mj = 1",
    ],
)
def test_what_was_measured_stays(ledger: Ledger, statement: str) -> None:
    accept(ledger, 1, 5)
    finish(ledger, 1, 10)
    ledger.add_energy([Metered("gpu", 0, 100, 60, 2000)], [JobEnergy("job-1", "gpu", 40)])

    with pytest.raises(sqlite3.IntegrityError), ledger._storage.write() as db:
        db.execute(statement)


def test_the_check_finds_work_that_no_job_did(ledger: Ledger, report: Report) -> None:
    accept(ledger, 1, 5)
    finish(ledger, 1, 10)
    ledger.add_energy([], [JobEnergy("job-1", "gpu", 40)])
    assert report.verify() == []
    with ledger._storage.write() as db:
        db.execute("UPDATE work SET work_mj = 41")

    assert [finding.rule for finding in report.verify()] == ["the work per quarter is that of the jobs"]


def test_the_newest_jobs_are_known(ledger: Ledger, report: Report) -> None:
    assert report.last_jobs() == LastJobs(None, None)
    for n, (at_ms, charged) in enumerate([(50, 100), (70, 0), (60, 5)]):
        accept(ledger, n, at_ms)
        finish(ledger, n, at_ms + 1, charged)

    assert report.last_jobs() == LastJobs(70, 60)


def test_a_ledger_of_the_time_before_is_brought_up_to_date(path: Path) -> None:
    from sqlite_utils import Database

    from desktop.ledger.schema import MIGRATIONS, migrations
    from desktop.ledger.storage import Storage

    old = Database(path)
    migrations(MIGRATIONS[:3]).apply(old)
    old.close()
    storage = Storage.open_to_write(path)
    with storage.read() as db:
        assert db.execute("SELECT count(*) FROM work").fetchone() == (0,)
    storage.close()
