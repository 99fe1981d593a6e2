from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.errors import StorageUnusable
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.pricing import Usage
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.ledger.check import Finding
from desktop.ledger.export import FIELDS, Format, export_jobs
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import QUARTER_MS, JobFilter, Page, Report

HOUR_MS = 4 * QUARTER_MS
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


@pytest.fixture
def report(path: Path, ledger: Ledger) -> Iterator[Report]:
    del ledger
    report = Report.open(path)
    yield report
    report.close()


def _write(ledger: Ledger, ended: Iterable[Job]) -> list[Job]:
    """Write ended jobs as a node would, and return them as they should be read."""
    jobs = list(ended)
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    for job in jobs:
        ledger.accept_job(
            Job(job.id, job.kind, job.model_id, job.payment, "buyer", job.held, JobState.ACCEPTED, job.accepted_at_ms)
        )
        ledger.finish_job(
            job.id,
            Ending(
                job.state,
                job.finished_at_ms or 0,
                job.usage,
                job.charged,
                job.reason,
                job.started_at_ms,
                job.first_token_at_ms,
            ),
        )
    return jobs


def _ended(n: int, at_ms: int, state: JobState = JobState.COMPLETED, **more: str) -> Job:
    return Job(
        id=f"job-{n}",
        kind=JobKind.EMBEDDING if n % 3 == 0 else JobKind.CHAT,
        model_id=more.get("model_id", "smol"),
        payment=Payment.SESSION,
        account="buyer",
        held=Money(900),
        state=state,
        accepted_at_ms=at_ms,
        started_at_ms=at_ms + 1,
        first_token_at_ms=at_ms + 2,
        finished_at_ms=at_ms + 3,
        usage=Usage(n % 7, n % 5),
        charged=Money(0 if state is JobState.FAILED else n % 900),
        reason=more.get("reason", ""),
    )


ENDED = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=3 * DAY_MS),
        st.sampled_from([JobState.COMPLETED, JobState.CANCELLED, JobState.FAILED]),
        st.sampled_from(["smol", "tiny"]),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(ended=ENDED, offset=st.integers(min_value=0, max_value=95), parts=st.integers(min_value=1, max_value=30))
def test_charts_add_up_to_the_jobs_in_any_time_zone(
    tmp_path_factory: pytest.TempPathFactory, ended: list[tuple[int, JobState, str]], offset: int, parts: int
) -> None:
    path = tmp_path_factory.mktemp("chart") / "ledger.db"
    ledger = Ledger.open(path)
    jobs = _write(
        ledger, (_ended(n, at_ms, state, model_id=model) for n, (at_ms, state, model) in enumerate(ended, start=1))
    )
    ledger.close()
    report = Report.open(path)
    edges = [(offset + 7 * part) * QUARTER_MS for part in range(parts + 1)]

    for totals in report.chart(edges):
        inside = [job for job in jobs if totals.start_ms <= (job.finished_at_ms or 0) < totals.end_ms]
        assert totals.earned == Money(sum(job.charged.msat for job in inside))
        assert totals.usage.total_tokens == sum(job.usage.total_tokens for job in inside)
        assert sum(totals.jobs.values()) == len(inside)
        assert all(count == sum(job.state is state for job in inside) for state, count in totals.jobs.items())
    by_model = report.by_model(edges[0], edges[-1])
    whole = report.summary(edges[0], edges[-1], 0).totals
    assert sum(each.charged.msat for each in by_model) == whole.charged.msat
    assert sum(each.jobs for each in by_model) == sum(whole.jobs.values())
    report.close()


def test_today_at_a_glance(ledger: Ledger, report: Report) -> None:
    ledger.begin_state(NodeState.STARTING, Reason.LOADING, "", DAY_MS)
    ledger.begin_state(NodeState.READY, Reason.WAITING_FOR_REQUESTS, "", DAY_MS + 60_000)
    _write(ledger, [_ended(1, 5), _ended(100, DAY_MS), _ended(200, DAY_MS + HOUR_MS, JobState.FAILED)])
    ledger.round_down("buyer", "token", DAY_MS + 5)

    summary = report.summary(DAY_MS, 2 * DAY_MS, DAY_MS + 120_000)
    assert summary.totals.charged == Money(100)
    assert summary.totals.rounded == Money(899)
    assert summary.totals.earned == Money(999)
    assert summary.totals.jobs == {JobState.COMPLETED: 1, JobState.FAILED: 1}
    assert summary.uptime == 0.5
    assert report.funds().earned == Money(1000)


def test_edges_between_quarters_are_a_mistake(report: Report) -> None:
    with pytest.raises(ValueError, match="quarter of an hour"):
        report.chart([0, 1000])


def test_pages_hold_every_job_once_newest_first(ledger: Ledger, report: Report) -> None:
    # Two at one instant, and one whose clock was behind.
    jobs = _write(ledger, [_ended(n, at_ms) for n, at_ms in enumerate([10, 20, 20, 30, 15, 40, 50], start=1)])
    expected = [job.id for job in sorted(jobs, key=lambda job: (job.accepted_at_ms, int(job.id[4:])), reverse=True)]

    for limit in (1, 2, 3, 7, 50):
        found: list[str] = []
        page = Page((), None)
        while not found or page.before is not None:
            page = report.jobs(limit=limit, before=page.before)
            assert len(page.jobs) <= limit
            found += [job.id for job in page.jobs]
        assert found == expected
    assert list(report.every_job()) == jobs


def test_jobs_are_found_by_what_they_are(ledger: Ledger, report: Report) -> None:
    jobs = _write(
        ledger,
        [
            _ended(1, 1000),
            _ended(2, 2000, JobState.FAILED),
            _ended(3, 3000, model_id="tiny"),
            _ended(4, 4000, JobState.CANCELLED),
        ],
    )
    running = replace(_ended(9, 5000), state=JobState.ACCEPTED)
    ledger.accept_job(running)

    def found(wanted: JobFilter) -> list[str]:
        paged = [job.id for job in report.jobs(wanted).jobs]
        assert sorted(paged) == [job.id for job in report.every_job(wanted)]
        return paged

    assert found(JobFilter(state=JobState.FAILED)) == ["job-2"]
    assert found(JobFilter(state=JobState.ACCEPTED)) == ["job-9"]
    assert found(JobFilter(model_id="tiny")) == ["job-3"]
    assert found(JobFilter(kind=JobKind.EMBEDDING)) == ["job-9", "job-3"]
    assert found(JobFilter(start_ms=2000, end_ms=4000)) == ["job-3", "job-2"]
    assert found(JobFilter(state=JobState.COMPLETED, start_ms=2000)) == ["job-3"]
    assert found(JobFilter(model_id="' OR 1=1 --")) == []
    assert found(JobFilter(search="OB-2")) == ["job-2"]
    assert found(JobFilter(search="Tin")) == ["job-3"]
    assert found(JobFilter(search="a name that is shown", named=("tiny", "none"))) == ["job-3"]
    assert found(JobFilter(search="job", state=JobState.FAILED)) == ["job-2"]
    assert (
        found(JobFilter(search="%")) == found(JobFilter(search="_")) == found(JobFilter(search="')) OR 1=1 --")) == []
    )
    assert report.job("job-1") == jobs[0]
    assert report.job("none") is None
    assert report.receipt("job-1") is None


def test_the_walk_over_everything_goes_past_one_piece(ledger: Ledger, report: Report) -> None:
    _write(ledger, (_ended(n, n) for n in range(1, 1002)))

    assert [job.id for job in report.every_job()] == [f"job-{n}" for n in range(1, 1002)]


def _exported(jobs: Iterable[Job], form: Format) -> str:
    out = io.StringIO(newline="")
    export_jobs(jobs, out, form)
    return out.getvalue()


@pytest.mark.parametrize("form", Format)
def test_no_jobs_are_a_whole_file(form: Format) -> None:
    text = _exported([], form)

    assert json.loads(text) == [] if form is Format.JSON else list(csv.reader([text.strip()])) == [list(FIELDS)]


def test_json_holds_what_the_ledger_holds() -> None:
    jobs = [_ended(n, n, reason='quotes " and\nlines \u2028') for n in range(1, 4)]

    rows = json.loads(_exported(jobs, Format.JSON))
    assert [row["id"] for row in rows] == ["job-1", "job-2", "job-3"]
    assert rows[0]["reason"] == jobs[0].reason
    assert rows[2]["charged_msat"] == 3
    assert tuple(rows[0]) == FIELDS


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.from_regex(r"\A\s*[=+\-@].*", alphabet=st.characters(codec="utf-8")),
    )
)
def test_no_cell_of_a_csv_is_a_formula(reason: str) -> None:
    ((_, row),) = [list(csv.reader(io.StringIO(_exported([_ended(1, 1, reason=reason)], Format.CSV), newline="")))]

    cell = row[FIELDS.index("reason")]
    assert cell in {reason, f"'{reason}"}
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r"))


def test_an_export_names_no_buyer() -> None:
    job = replace(_ended(1, 1), account="5ec4e7")

    assert all("5ec4e7" not in _exported([job], form) for form in Format)


@pytest.mark.parametrize(
    ("tampering", "rule"),
    [
        ("UPDATE accounts SET balance_msat = balance_msat + 1 WHERE name = 'earned'", "a balance is the sum"),
        ("UPDATE accounts SET balance_msat = balance_msat + 1 WHERE name = 'earned'", "each book sums to zero"),
        ("UPDATE transfers SET amount_msat = 7 WHERE kind = 'deposit_coins'", "claims and coins move together"),
        ("UPDATE accounts SET balance_msat = -1 WHERE name = 'wallet:mint'", "our coins are worth what is claimed"),
        ("UPDATE accounts SET balance_msat = -1 WHERE name = 'wallet:mint'", "no wallet, buyer or hold is below"),
        ("UPDATE jobs SET held_msat = 1000 WHERE id = 'open'", "what is held is held for"),
        ("UPDATE jobs SET charged_msat = 99 WHERE id = 'job-1'", "a job's transfers are what"),
        ("UPDATE accounts SET requests = 9", "a buyer's summary counts"),
        ("UPDATE quarters SET prompt_tokens = 9", "the totals per quarter count"),
        ("UPDATE rounding SET rounded_msat = 5", "the rounding per quarter"),
        ("UPDATE receipts SET body = 'nonsense'", "a receipt says what its job cost"),
        ("UPDATE receipts SET body = json_set(body, '$.charged_msat', 5)", "a receipt says what its job cost"),
        ("UPDATE intervals SET end_ms = end_ms - 1 WHERE end_ms IS NOT NULL", "uptime has neither holes"),
        ("UPDATE jobs SET account_id = 77", "rows point at rows"),
    ],
)
def test_the_check_finds(ledger: Ledger, report: Report, tampering: str, rule: str) -> None:
    _write(ledger, [_ended(2, 1000)])
    ledger.accept_job(replace(_ended(1, 1000), state=JobState.ACCEPTED))
    receipt = Receipt("job-1", "ab" * 32, "smol", "", 0, 0, 11, 1000, 2000, "completed")
    ending = Ending(JobState.COMPLETED, 2000, charged=Money(11), started_at_ms=1100)
    ledger.finish_job("job-1", ending, SignedReceipt(receipt, "00" * 64))
    ledger.accept_job(replace(_ended(1, 1000), id="open", state=JobState.ACCEPTED))
    ledger.round_down("buyer", "token", 3000)
    ledger.begin_state(NodeState.READY, Reason.SERVING, "", 1000)
    ledger.begin_state(NodeState.PAUSED, Reason.PAUSED_BY_OWNER, "", 2000)
    assert report.verify() == []

    ledger._storage._db.execute("PRAGMA foreign_keys = OFF")  # outside of a transaction, or it is ignored
    with ledger._storage.write() as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{trigger}"')
        db.execute(tampering)

    findings = report.verify()
    assert any(finding.rule.startswith(rule) for finding in findings), findings
    assert all(isinstance(finding, Finding) and finding.what for finding in findings)


def test_a_receipt_that_cannot_be_read_is_told_in_words(ledger: Ledger, report: Report) -> None:
    _write(ledger, [_ended(1, 1000)])
    with ledger._storage.write() as db:
        db.execute("INSERT INTO receipts (job_n, body, signature) VALUES (1, '{', zeroblob(64))")

    with pytest.raises(StorageUnusable, match="receipt"):
        report.receipt("job-1")
