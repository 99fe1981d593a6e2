"""Kill -9 of a writer at random instants: what it told is there, and the ledger agrees with itself."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from desktop.domain.job import JobState
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report

ROOT = Path(__file__).parents[2]
KILLS = 12
RECOVERED_MS = (KILLS + 1) * 1_000_000

# Works like a node: writes first, tells after. Everything it prints was committed before.
WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from desktop.domain.job import Job, JobKind, JobState, Payment
    from desktop.domain.money import Money
    from desktop.domain.node_state import NodeState, Reason
    from desktop.domain.pricing import Usage
    from desktop.ledger.jobs import Ending
    from desktop.ledger.record import Ledger

    ledger, life = Ledger.open(Path(sys.argv[1])), sys.argv[2]
    start_ms = (int(life) + 1) * 1_000_000
    ledger.begin_state(NodeState.STARTING, Reason.LOADING, "", start_ms)
    for n in range(100_000):
        at_ms = start_ms + n
        name = f"{life}-{n}"
        ledger.deposit(name, "mint", Money.from_sat(5), Money.from_sat(1), name, at_ms)
        print("deposit", name, flush=True)
        ledger.accept_job(Job(name, JobKind.CHAT, "m", Payment.TOKEN, name, Money(3000), JobState.ACCEPTED, at_ms))
        print("accept", name, flush=True)
        ledger.begin_state(NodeState.EARNING, Reason.SERVING, "", at_ms)
        ending = Ending(JobState.COMPLETED, at_ms, Usage(1, 1), Money(1500), started_at_ms=at_ms)
        ledger.finish_job(name, ending)
        print("finish", name, flush=True)
        amount = ledger.reserve_payout(name, name, at_ms)
        print("reserve", name, flush=True)
        ledger.payout_to_buyer(name, "mint", amount, Money(), name, at_ms)
        ledger.round_down(name, name, at_ms)
        print("paid", name, flush=True)
        ledger.begin_state(NodeState.READY, Reason.WAITING_FOR_REQUESTS, "", at_ms)
    """
)


DEEDS = ("deposit", "accept", "finish", "reserve", "paid")
LEAVES = {"deposit": "deposit", "accept": "hold", "finish": "charge", "reserve": "payout_reserve", "paid": "payout"}


@pytest.mark.slow
def test_nothing_that_was_told_is_lost_and_nothing_is_half_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    dice = random.Random(7)
    told: dict[str, str] = {}
    for life in range(KILLS):
        told |= _told_before_kill(path, life, lines=dice.randrange(1, 400))
        report = Report.open(path)
        assert report.verify() == []
        _check(report, told)
        report.close()

    _recover(path)
    report = Report.open(path)
    assert report.verify() == []
    funds = report.funds()
    assert (funds.owed, funds.held) == (Money(), Money())
    assert funds.wallets == {"mint": funds.spendable}
    killed = [each for each in report.intervals(0, 10**9, RECOVERED_MS) if each.reason is Reason.ENDED_UNEXPECTEDLY]
    assert len(killed) == KILLS
    report.close()


def _told_before_kill(path: Path, life: int, *, lines: int) -> dict[str, str]:
    """Start a writer, read that many of its lines, kill it, read what it had told by then."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(life)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(lines)]
    writer.kill()
    told += writer.stdout.readlines()
    assert writer.wait(30) == -signal.SIGKILL
    writer.stdout.close()
    # The last line may be cut short by the kill; every whole one counts.
    return {name: deed for deed, name in (line.split() for line in told if line.endswith("\n"))}


def _check(report: Report, told: dict[str, str]) -> None:
    with report._storage.read() as db:
        written = set(db.execute("SELECT reference, kind FROM transfers").fetchall())
    for name, last in told.items():
        deeds = DEEDS[: DEEDS.index(last) + 1]
        assert {(name, LEAVES[deed]) for deed in deeds} <= written
        if "finish" in deeds:
            job = report.job(name)
            assert job is not None
            assert (job.state, job.charged) == (JobState.COMPLETED, Money(1500))


@pytest.mark.slow
def test_a_kill_while_the_ledger_is_made_leaves_one_that_opens(tmp_path: Path) -> None:
    for life in range(8):
        path = tmp_path / f"life-{life}" / "ledger.db"
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), "0"], cwd=ROOT, stdout=subprocess.DEVNULL, text=True
        )
        wanted = path if life % 2 else path.with_name("ledger.db-wal")
        deadline = time.monotonic() + 30
        while not wanted.exists():
            assert time.monotonic() < deadline
        writer.kill()
        assert writer.wait(30) == -signal.SIGKILL

        ledger = Ledger.open(path)
        assert ledger.deposit("buyer", "mint", Money.from_sat(5), Money(), "token", 1000)
        ledger.close()
        report = Report.open(path)
        assert report.verify() == []
        report.close()


def _recover(path: Path) -> None:
    """What a node does at its start: end what was left, pay what is owed. All of it may be done again."""
    ledger = Ledger.open(path)
    ledger.begin_state(NodeState.STARTING, Reason.LOADING, "", RECOVERED_MS)
    for _ in range(2):
        for job in ledger.unfinished_jobs():
            ledger.finish_job(job.id, Ending(JobState.FAILED, RECOVERED_MS, reason="the node was killed"))
        with ledger._storage.read() as db:
            rows = db.execute("SELECT name FROM accounts WHERE name LIKE 'buyer:%' AND balance_msat > 0").fetchall()
        for (name,) in rows:
            account = name.removeprefix("buyer:")
            ledger.reserve_payout(account, account, RECOVERED_MS)
            ledger.round_down(account, account, RECOVERED_MS)
        for payout in ledger.reserved_payouts():
            ledger.payout_to_buyer(payout.account, "mint", payout.amount, Money(), payout.reference, RECOVERED_MS)
    ledger.close()
