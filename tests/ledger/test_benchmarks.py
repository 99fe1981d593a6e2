from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.domain.errors import StorageUnusable
from desktop.ledger.benchmarks import OPENED_KEPT, KeptBenchmark
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def report(ledger: Ledger, tmp_path: Path) -> Iterator[Report]:
    assert ledger
    report = Report.open(tmp_path / "ledger.db")
    yield report
    report.close()


def run(number: int, device: str = "cpu") -> KeptBenchmark:
    return KeptBenchmark(1000 + number, device, "tiny", f"{number:064x}", f'{{"n":{number}}}', b"rows" * number)


def test_runs_are_kept_newest_first_and_once(ledger: Ledger, report: Report) -> None:
    assert all(ledger.keep_benchmark(run(number, "cpu" if number % 2 else "GPU-1")) for number in range(6))
    assert not ledger.keep_benchmark(run(3))
    assert [kept.at_ms for kept in report.benchmarks()] == [1005, 1004, 1003, 1002, 1001, 1000]
    assert [kept.at_ms for kept in report.benchmarks(2, "GPU-1")] == [1004, 1002]
    assert report.benchmarks(1)[0].report == '{"n":5}'
    assert report.verify() == []


def test_the_rows_of_the_newest_are_kept(ledger: Ledger, report: Report) -> None:
    for number in range(8):
        ledger.keep_benchmark(run(number))
    kept = [number for number in range(8) if report.benchmark_openings(run(number).digest) is not None]
    assert kept == list(range(8 - OPENED_KEPT, 8))
    assert report.benchmark_openings(run(7).digest) == b"rows" * 7
    assert report.benchmark_openings("ff" * 32) is None


@pytest.mark.parametrize(
    "statement", ["DELETE FROM benchmarks", "UPDATE benchmarks SET report = ''", "UPDATE benchmarks SET openings = x''"]
)
def test_history_is_not_rewritten(ledger: Ledger, statement: str) -> None:
    ledger.keep_benchmark(run(1))
    with pytest.raises(Exception, match="benchmarks are never"), ledger._storage.write() as db:
        db.execute(statement)


def test_damaged_rows_are_told_in_words(ledger: Ledger, report: Report) -> None:
    with ledger._storage.write() as db:
        db.execute("INSERT INTO benchmarks VALUES (1, 1, 'cpu', 'tiny', ?, '{}', x'00')", ("ab" * 32,))
    with pytest.raises(StorageUnusable):
        report.benchmark_openings("ab" * 32)
