"""A running node as a workshop: when it lets itself be measured, and how reports are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop.control.measuring import Bench
from desktop.control.workshop import NodeWorkshop, kept, newest, whole
from desktop.domain.errors import BenchmarkInvalid, Unavailable
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node.fleet import DeviceView
from desktop.node.policy.decision import Decision
from desktop.proof.benchmark import verify
from tests.fakes.benchmark import MODEL, FakeMeasurer, a_measuring
from tests.fakes.computer import CPU, at_rest
from tests.fakes.node import FakeNode
from tests.fakes.worker import FakeWorker


class MeasuredNode(FakeNode):
    """A node with one worker, that writes benchmarks down."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.worker: FakeWorker | None = FakeWorker()

    def devices(self) -> tuple[DeviceView, ...]:
        decision = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
        return (DeviceView(CPU, at_rest(load=None), decision, self.worker, None, spare=False, jobs=0),)

    def hold(self, device_id: str) -> Callable[[], None]:
        self.said.append(f"hold {device_id}")
        return lambda: self.said.append("release")

    async def keep_benchmark(self, run: KeptBenchmark) -> None:
        self.ledger.keep_benchmark(run)


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


async def test_it_is_refused_while_jobs_run_and_where_nothing_is_loaded(ledger: Ledger, report: Report) -> None:
    node = MeasuredNode(ledger)
    shop = NodeWorkshop(node, [MODEL], report)
    assert shop.bench("").device == shop.bench(CPU.id).device == CPU
    node.open_jobs = 2
    with pytest.raises(Unavailable, match="2 requests are being answered"):
        shop.bench("")
    node.open_jobs = 0
    with pytest.raises(Unavailable, match="on this device"):
        shop.bench("another")
    node.worker = None
    node.enter(NodeState.STARTING, Reason.LOADING)
    with pytest.raises(Unavailable, match="starting: loading"):
        shop.bench("")
    with pytest.raises(Unavailable, match="no chat model"):
        NodeWorkshop(node, [], report).bench("")


async def test_reports_are_kept_with_their_rows_and_found_again(ledger: Ledger, report: Report) -> None:
    shop = NodeWorkshop(MeasuredNode(ledger), [MODEL], report)
    assert await shop.last("") is None
    bench = Bench(CPU, MODEL, FakeMeasurer())
    signed = await a_measuring().run(bench, "1f" * 32, lambda _: None)
    await shop.keep(CPU.id, signed)
    last = await shop.last(CPU.id)
    assert last is not None
    assert last == newest(report)
    assert (last[0], last[1].digest) == (CPU.id, signed.digest)
    assert await shop.last("another") is None
    assert ledger.newest_benchmark() == signed.digest
    run = kept(CPU.id, signed)
    verify(whole(run, report.benchmark_openings(signed.digest)))


async def test_rows_that_are_gone_or_damaged_are_told_in_words() -> None:
    signed = await a_measuring().run(Bench(CPU, MODEL, FakeMeasurer()), "1f" * 32, lambda _: None)
    run = kept(CPU.id, signed)
    for openings in (None, b"junk"):
        with pytest.raises(BenchmarkInvalid):
            whole(run, openings)


async def test_what_a_later_version_wrote_is_not_compared_with(ledger: Ledger, report: Report) -> None:
    ledger.keep_benchmark(KeptBenchmark(1, "cpu", "tiny", "ab" * 32, '{"version":2}'))
    assert newest(report) is None
