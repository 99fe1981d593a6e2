"""What the outlook knows of this computer: nothing, then what was measured, then what jobs showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from desktop.control.measuring import Bench
from desktop.control.workshop import kept
from desktop.domain.benchmark import ENERGY, Part, Unit, writing
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.outlook import Figure
from desktop.domain.pricing import Usage
from desktop.domain.told import told
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.energy import JobEnergy
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node import prospects
from desktop.proof.benchmark import PartForm
from tests.fakes.benchmark import MODEL, FakeGauge, FakeMeasurer, a_measuring
from tests.fakes.computer import CPU

START_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SEEN_EVERY_MS = 120_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def report(ledger: Ledger, tmp_path: Path) -> Iterator[Report]:
    del ledger
    report = Report.open(tmp_path / "ledger.db")
    yield report
    report.close()


async def measured(*parts: Part, rate: int = 20_000) -> KeptBenchmark:
    """A run of the real thing over a fake driver, with parts of its own beside those of the fake worker."""
    signed = await a_measuring(FakeGauge(watts=50.0)).run(
        Bench(CPU, MODEL, FakeMeasurer(rate=rate)), "1f" * 32, lambda _: None
    )
    forms = tuple(msgspec.convert(part, PartForm, from_attributes=True) for part in parts)
    named = {form.name for form in forms}
    others = tuple(part for part in signed.report.parts if part.name not in named)
    changed = msgspec.structs.replace(signed.report, parts=(*others, *forms))
    return kept(CPU.id, msgspec.structs.replace(signed, report=changed))


def answer(ledger: Ledger, number: int, at_ms: int, *, tokens: int, took_ms: int, work_mj: int | None = None) -> None:
    name = f"job-{number}"
    ledger.accept_job(Job(name, JobKind.CHAT, MODEL.id, Payment.SESSION, "buyer", Money(900), JobState.ACCEPTED, at_ms))
    end_ms = at_ms + took_ms
    ledger.finish_job(name, Ending(JobState.COMPLETED, end_ms, Usage(9, tokens), Money(500), "", at_ms, at_ms))
    if work_mj is not None:
        ledger.add_energy([], [JobEnergy(name, CPU.id, work_mj)])


def test_of_a_computer_that_did_nothing_yet_nothing_is_known(report: Report) -> None:
    assert prospects.speed(report, MODEL.id, START_MS) is None
    assert prospects.energy(report, MODEL.id, START_MS) is None
    assert prospects.busy(report, MODEL.id, None, START_MS) is None


async def test_a_benchmark_is_the_first_estimate(ledger: Ledger, report: Report) -> None:
    eight = Part(writing(8), Unit.TOKENS, 80_000, 79_000, 81_000, 10)
    run = await measured(eight, Part(ENERGY, Unit.ENERGY, 500_000, 450_000, 550_000, 2))
    ledger.keep_benchmark(run)
    now_ms = run.at_ms + 2 * HOUR_MS

    speed = prospects.speed(report, MODEL.id, now_ms)
    energy = prospects.energy(report, MODEL.id, now_ms)

    assert speed is not None
    assert (speed.low, speed.high) == pytest.approx((19.9, 20.1))
    assert str(speed.source) == "your benchmark, 2 h 0 min old"
    # Eight at once take half a joule each; one alone is four times as slow.
    assert energy is not None
    assert (energy.low, energy.high) == pytest.approx((0.45, 2.2))
    assert prospects.speed(report, "another", now_ms) is None


async def test_a_benchmark_without_these_parts_or_of_a_later_version_tells_nothing(
    ledger: Ledger, report: Report
) -> None:
    unmeasured = await measured(
        Part(writing(1), Unit.TOKENS, note="There was no time left for it."), Part(ENERGY, Unit.ENERGY, note="Unknown.")
    )
    ledger.keep_benchmark(unmeasured)
    ledger.keep_benchmark(
        msgspec.convert({**_fields(unmeasured), "digest": "cd" * 32, "report": '{"version": 9}'}, KeptBenchmark)
    )

    assert prospects.speed(report, MODEL.id, unmeasured.at_ms) is None
    assert prospects.energy(report, MODEL.id, unmeasured.at_ms) is None


async def test_what_jobs_showed_takes_the_place_of_the_estimate(ledger: Ledger, report: Report) -> None:
    run = await measured(Part(ENERGY, Unit.ENERGY, 500_000, 450_000, 550_000, 2))
    ledger.keep_benchmark(run)
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    for number in range(4):
        answer(ledger, number, START_MS + number * HOUR_MS, tokens=51, took_ms=5_000, work_mj=51 * 800)
    now_ms = START_MS + 5 * HOUR_MS
    estimate = prospects.speed(report, MODEL.id, now_ms)
    assert estimate is not None
    assert "benchmark" in str(estimate.source)  # four answers say too little

    answer(ledger, 4, START_MS + 4 * HOUR_MS, tokens=51, took_ms=5_000, work_mj=51 * 800)

    speed, energy = prospects.speed(report, MODEL.id, now_ms), prospects.energy(report, MODEL.id, now_ms)
    assert speed is not None
    assert (speed.low, speed.high, str(speed.source)) == (10.0, 10.0, "your last 5 answers")
    assert energy is not None
    assert (energy.low, energy.high) == pytest.approx((0.8, 0.8))


def test_how_busy_it_was_is_told_after_a_day_of_readiness(ledger: Ledger, report: Report) -> None:
    rate = Figure(10.0, 10.0, told("a test"))
    ledger.begin_state(NodeState.READY, Reason.WAITING_FOR_REQUESTS, "", START_MS)
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    answer(ledger, 1, START_MS + HOUR_MS, tokens=2160, took_ms=216_000)
    for at_ms in range(START_MS, START_MS + DAY_MS + 1, SEEN_EVERY_MS):
        ledger.alive(at_ms)
    almost_ms = START_MS + DAY_MS - HOUR_MS
    assert prospects.busy(report, MODEL.id, rate, almost_ms) is None

    found = prospects.busy(report, MODEL.id, rate, START_MS + DAY_MS)

    assert found is not None
    # 2,160 tokens at ten a second are 216 seconds of 86,400.
    assert found.low == found.high == pytest.approx(0.0025)


def _fields(run: KeptBenchmark) -> dict[str, object]:
    return {name: getattr(run, name) for name in ("at_ms", "device_id", "model_id", "digest", "report", "openings")}
