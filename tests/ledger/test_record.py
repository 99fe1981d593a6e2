from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.errors import PaymentRequired
from desktop.domain.job import JOB_TRANSITIONS, Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report

MINT = "https://mint"
JOB = Job("job", JobKind.CHAT, "smol", Payment.TOKEN, "buyer", Money(5000), JobState.ACCEPTED, 1000)
DONE = Ending(JobState.COMPLETED, 2000, Usage(7, 9), Money(1234), started_at_ms=1100, first_token_at_ms=1200)
RECEIPT = SignedReceipt(Receipt("job", "ab" * 32, "smol", "", 7, 9, 1234, 1000, 2000, "completed"), "cd" * 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    ledger.deposit("buyer", MINT, Money.from_sat(11), Money.from_sat(1), "token", 900)
    yield ledger
    ledger.close()


@pytest.fixture
def report(path: Path, ledger: Ledger) -> Iterator[Report]:
    del ledger
    report = Report.open(path)
    yield report
    report.close()


def test_a_paid_job_from_token_to_change(ledger: Ledger, report: Report) -> None:
    assert ledger.accept_job(JOB)
    assert (ledger.balance("buyer"), ledger.reserved("buyer")) == (Money(5000), Money(5000))

    assert ledger.finish_job("job", DONE, RECEIPT)
    assert ledger.reserve_payout("buyer", "change", 2100) == Money.from_sat(8)
    assert ledger.payout_to_buyer("buyer", MINT, Money.from_sat(8), Money.from_sat(1), "change", 2200)
    assert ledger.round_down("buyer", "token", 2300) == Money(766)

    summary = ledger.buyer_summary("buyer")
    assert (summary.available, summary.reserved, summary.requests, summary.spent) == (Money(), Money(), 1, Money(1234))
    assert report.funds().wallets == {MINT: Money.from_sat(1)}
    assert report.funds().earned == Money(2000)
    assert report.job("job") == replace(
        JOB,
        state=JobState.COMPLETED,
        started_at_ms=1100,
        first_token_at_ms=1200,
        finished_at_ms=2000,
        usage=Usage(7, 9),
        charged=Money(1234),
    )
    assert report.receipt("job") == RECEIPT
    assert report.verify() == []


def test_start_and_first_token_may_be_written_on_the_way(ledger: Ledger) -> None:
    ledger.accept_job(JOB)
    ledger.start_job("job", 1010)
    ledger.first_token("job", 1020)
    ledger.first_token("job", 1030)
    ledger.finish_job("job", DONE)

    job = ledger.job("job")
    assert job is not None
    assert (job.started_at_ms, job.first_token_at_ms) == (1010, 1020)


def test_what_is_not_there_is_not_held(ledger: Ledger) -> None:
    with pytest.raises(PaymentRequired) as refusal:
        ledger.accept_job(replace(JOB, held=Money(10_001)))

    assert (refusal.value.required_msat, refusal.value.offered_msat) == (10_001, 10_000)
    assert ledger.job("job") is None
    assert ledger.balance("buyer") == Money(10_000)


def test_change_goes_back_to_the_mint_last_paid_with(ledger: Ledger) -> None:
    assert ledger.mint_of("nobody") is None
    assert ledger.mint_of("buyer") == MINT
    ledger.deposit("buyer", "https://other", Money.from_sat(2), Money(), "second", 950)

    assert ledger.mint_of("buyer") == "https://other"
    assert ledger.wallets() == {MINT: Money.from_sat(10), "https://other": Money.from_sat(2)}
    assert ledger.newest_transfer_ms() == 950


def test_questions_of_the_hot_path_never_read_a_whole_table(ledger: Ledger) -> None:
    asked: list[str] = []
    with ledger._storage._db.tracer(lambda sql, _: asked.append(sql)):
        ledger.mint_of("buyer")
        ledger.buyer_summary("buyer")
        ledger.unfinished_jobs()
        ledger.newest_transfer_ms()
        ledger.wallets()
        ledger.reserved_payouts()
        ledger.key("hash")
        ledger.job("job")
    questions = [sql for sql in asked if sql.lstrip().startswith("SELECT")]
    assert len(questions) >= 7
    for sql in questions:
        with ledger._storage.read() as db:
            plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", ["x"] * sql.count("?")).fetchall()
        scans = [step for *_, step in plan if step.startswith("SCAN") and "USING INDEX jobs_unfinished" not in step]
        assert scans in ([], ["SCAN transfers"] if "LIMIT 1" in sql else []), sql


def test_a_reserved_payout_is_out_of_reach_of_jobs_and_survives_a_restart(path: Path, ledger: Ledger) -> None:
    ledger.reserve_payout("buyer", "close", 1000)
    with pytest.raises(PaymentRequired):
        ledger.accept_job(JOB)

    ledger.close()
    again = Ledger.open(path)
    (pending,) = again.reserved_payouts()
    assert (pending.account, pending.amount, pending.reference) == ("buyer", Money.from_sat(10), "close")
    again.payout_to_buyer("buyer", MINT, pending.amount, Money(), "close", 1100)
    assert again.reserved_payouts() == []
    again.close()


def test_a_payout_is_what_was_reserved_for_it(ledger: Ledger) -> None:
    ledger.reserve_payout("buyer", "close", 1000, Money.from_sat(4))

    with pytest.raises(ValueError, match="reserved for it"):
        ledger.payout_to_buyer("buyer", MINT, Money.from_sat(5), Money(), "close", 1100)
    with pytest.raises(ValueError, match="another account"):
        ledger.reserve_payout("somebody", "close", 1000)
    with pytest.raises(PaymentRequired):
        ledger.reserve_payout("buyer", "more", 1000, Money.from_sat(7))


def test_a_reference_stands_for_one_operation(ledger: Ledger) -> None:
    assert not ledger.deposit("buyer", MINT, Money.from_sat(11), Money.from_sat(1), "token", 950)
    with pytest.raises(ValueError, match="another one"):
        ledger.deposit("buyer", MINT, Money.from_sat(12), Money.from_sat(1), "token", 950)
    with pytest.raises(ValueError, match="another one"):
        ledger.deposit("thief", MINT, Money.from_sat(11), Money.from_sat(1), "token", 950)


def test_a_job_id_stands_for_one_job(ledger: Ledger) -> None:
    assert ledger.accept_job(JOB)
    assert not ledger.accept_job(JOB)
    with pytest.raises(ValueError, match="other terms"):
        ledger.accept_job(replace(JOB, held=Money(1)))

    assert ledger.finish_job("job", DONE, RECEIPT)
    assert not ledger.finish_job("job", DONE, RECEIPT)
    with pytest.raises(ValueError, match="ended otherwise"):
        ledger.finish_job("job", replace(DONE, charged=Money(1)))


@pytest.mark.parametrize(
    ("ending", "complaint"),
    [
        (replace(DONE, charged=Money(5001)), "up to what was held"),
        (replace(DONE, charged=Money(-1)), "up to what was held"),
        (replace(DONE, state=JobState.FAILED), "costs nothing"),
        (replace(DONE, state=JobState.RUNNING), "no end"),
    ],
)
def test_endings_that_are_mistakes_change_nothing(ledger: Ledger, ending: Ending, complaint: str) -> None:
    ledger.accept_job(JOB)

    with pytest.raises(ValueError, match=complaint):
        ledger.finish_job("job", ending)
    assert ledger.unfinished_jobs() == [JOB]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(RECEIPT.receipt, job_id="other"),
        replace(RECEIPT.receipt, charged_msat=1),
        replace(RECEIPT.receipt, outcome="failed"),
    ],
)
def test_a_receipt_for_something_else_is_refused(ledger: Ledger, wrong: Receipt) -> None:
    ledger.accept_job(JOB)

    with pytest.raises(ValueError, match="something else"):
        ledger.finish_job("job", DONE, replace(RECEIPT, receipt=wrong))
    assert ledger.unfinished_jobs() == [JOB]


def test_a_free_job_moves_no_money(ledger: Ledger, report: Report) -> None:
    ledger.accept_job(replace(JOB, account="pauper", held=Money()))
    ledger.finish_job("job", replace(DONE, charged=Money()))

    assert report.funds().earned == Money()
    assert report.verify() == []


@pytest.mark.parametrize("msat", [0, -1, 2**63, 21_000_000 * 10**11 + 1])
def test_absurd_amounts_are_refused(ledger: Ledger, msat: int) -> None:
    with pytest.raises(ValueError, match=r"out of range|of nothing"):
        ledger.deposit("buyer", MINT, Money(msat), Money(), "absurd", 1000)


STEPS = st.lists(st.sampled_from(JobState), max_size=6)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_jobs_walk_the_table_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, steps: list[JobState]) -> None:
    ledger = Ledger.open(tmp_path_factory.mktemp("walk") / "ledger.db")
    ledger.accept_job(replace(JOB, held=Money()))
    state = JobState.ACCEPTED
    for step in steps:
        allowed = step in JOB_TRANSITIONS[state]
        try:
            if step is JobState.RUNNING:
                ledger.start_job("job", 1100)
                moved = True
            else:
                moved = ledger.finish_job("job", Ending(step, 1200))
        except ValueError:
            moved = False
        assert moved == allowed
        state = step if moved else state
        job = ledger.job("job")
        assert job is not None
        assert job.state is state
    ledger.close()


def test_session_keys_open_and_close_once(ledger: Ledger) -> None:
    assert ledger.key("hash") is None
    assert ledger.add_key("hash", "buyer", 1000)
    assert not ledger.add_key("hash", "buyer", 1001)
    with pytest.raises(ValueError, match="another account"):
        ledger.add_key("hash", "somebody", 1002)

    key = ledger.key("hash")
    assert key is not None
    assert (key.account, key.closed) == ("buyer", False)
    assert ledger.close_key("hash", 2000)
    assert not ledger.close_key("hash", 3000)
    assert not ledger.close_key("unknown", 3000)
    closed = ledger.key("hash")
    assert closed is not None
    assert (closed.account, closed.closed_at_ms) == ("buyer", 2000)


def test_many_threads_cannot_spend_a_balance_twice(ledger: Ledger, report: Report) -> None:
    def accept(n: int) -> bool:
        try:
            return ledger.accept_job(replace(JOB, id=f"job-{n}", held=Money(1000)))
        except PaymentRequired:
            return False

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(accept, range(30)))

    assert sum(accepted) == 10
    assert ledger.balance("buyer") == Money()
    assert report.verify() == []
