"""The energy book and what is left after electricity, over a real ledger."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import pytest

from desktop.domain.device import Telemetry
from desktop.domain.errors import StorageUnusable
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.tariff import MICRO, Band, Electricity, ExchangeRate, tariff_of
from desktop.ledger.energy import QUARTER_MS, JobEnergy, Metered
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node.books import Books
from desktop.node.energy import EnergyBook
from desktop.node.nets import nets, nets_by_device, nets_by_model

T = TypeVar("T")
KWH_MJ = 3_600_000_000
DAY_MS = 86_400_000
MONDAY_MS = 1_794_787_200_000  # a Monday, 00:00 UTC


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    yield ledger
    ledger.close()


def sell(ledger: Ledger, job_id: str, at_ms: int, msat: int = 1000, model: str = "tiny") -> None:
    job = Job(job_id, JobKind.CHAT, model, Payment.SESSION, "buyer", Money(msat), JobState.ACCEPTED, at_ms)
    ledger.accept_job(job)
    ledger.finish_job(job_id, Ending(JobState.COMPLETED, at_ms, Usage(5, 10), Money(msat), started_at_ms=at_ms))


def electricity(*bands: Band) -> Electricity:
    """A unit is 100 sat; a kWh costs 0.1 of it, 10 sat, unless a band says otherwise."""
    tariff = tariff_of(bands, MICRO // 10)
    rate = ExchangeRate(Fraction(100), "test")
    return Electricity(tariff, rate, lambda at_ms: datetime.fromtimestamp(at_ms / 1000, UTC))


async def test_what_is_read_is_in_the_ledger_after_a_minute_and_jobs_once_they_ended(
    ledger: Ledger, tmp_path: Path
) -> None:
    readings: dict[str, Telemetry] = {}
    now = [MONDAY_MS]
    books = Books(ledger)
    book = EnergyBook(lambda: readings, books, lambda: now[0])

    def pass_second(power_w: float) -> None:
        now[0] += 1000
        readings["gpu"] = Telemetry(now[0], power_w=power_w)
        book.look()
        book.look()  # the same reading is not counted twice

    for _ in range(5):
        pass_second(20)
    book.began("gpu", "job-1")
    pass_second(20)
    book.ended("job-1")
    pass_second(20)
    book.ended("job-1")
    book.ended("nobody's")
    await book.write()
    report = Report.open(tmp_path / "ledger.db")
    assert report.metered(MONDAY_MS, MONDAY_MS + QUARTER_MS) == [Metered("gpu", MONDAY_MS, 6 * 20_000, 0, 6000, 0)]
    assert report.job_energy("job-1") is None
    sell(ledger, "job-1", now[0])
    await book.write()
    assert report.job_energy("job-1") == JobEnergy("job-1", "gpu", 0)
    assert book.idle_w("gpu") == 20
    report.close()


async def test_what_the_disk_refuses_is_written_later(ledger: Ledger) -> None:
    class Refusing(Books):
        refuse = True

        async def run(self, call: Callable[[Ledger], T]) -> T:
            if self.refuse:
                raise StorageUnusable("The disk is full.")
            return await super().run(call)

    books = Refusing(ledger)
    readings = {"gpu": Telemetry(MONDAY_MS, power_w=5)}
    book = EnergyBook(lambda: readings, books, lambda: MONDAY_MS)
    book.look()
    readings["gpu"] = Telemetry(MONDAY_MS + 1000, power_w=5)
    book.look()
    with pytest.raises(StorageUnusable):
        await book.write()
    books.refuse = False
    await book.write()
    with ledger._storage.read() as db:
        assert db.execute("SELECT total_mj, known_ms FROM energy").fetchall() == [(5000, 1000)]


def test_the_net_is_exact_by_period_model_and_device(ledger: Ledger, tmp_path: Path) -> None:
    sell(ledger, "a", MONDAY_MS + 1, 20_000)
    sell(ledger, "b", MONDAY_MS + DAY_MS // 2, 20_000, "small")
    ledger.add_energy(
        [Metered("gpu", MONDAY_MS, 2 * KWH_MJ, KWH_MJ, 900_000)],
        [JobEnergy("a", "gpu", KWH_MJ), JobEnergy("b", "cpu", KWH_MJ // 2)],
    )
    report = Report.open(tmp_path / "ledger.db")
    noon = Band(tuple(range(7)), 12, 13, 2 * MICRO)
    edges = (MONDAY_MS, MONDAY_MS + DAY_MS, MONDAY_MS + 2 * DAY_MS)

    first, second = nets(report, edges, electricity())
    assert (first.net, first.bound, second.net, second.jobs) == (Money(25_000), False, Money(), 0)
    first, _ = nets(report, edges, electricity(noon))
    assert first.cost == Money(10_000 + 100_000)
    by_model = nets_by_model(report, edges[0], edges[1], electricity(noon))
    assert {model: net.net for model, net in by_model.items()} == {"tiny": Money(10_000), "small": Money(-80_000)}
    cpu, gpu = nets_by_device(report, edges[0], edges[1], electricity())
    assert (cpu.device, cpu.net.net, cpu.total_mj) == ("cpu", Money(15_000), 0)
    assert (gpu.device, gpu.net.net, gpu.total_mj) == ("gpu", Money(10_000), 2 * KWH_MJ)
    report.close()


def test_what_was_not_measured_is_never_taken_for_free(ledger: Ledger, tmp_path: Path) -> None:
    sell(ledger, "a", MONDAY_MS + 1)
    edges = (MONDAY_MS, MONDAY_MS + DAY_MS)
    report = Report.open(tmp_path / "ledger.db")
    (net,) = nets(report, edges, electricity())
    assert (net.cost, net.net) == (None, None)
    ledger.add_energy([], [JobEnergy("a", "gpu", None)])
    (net,) = nets(report, edges, electricity())
    assert (net.cost, net.measured) == (None, 0)
    sell(ledger, "b", MONDAY_MS + 2)
    ledger.add_energy([], [JobEnergy("b", "gpu", KWH_MJ // 100)])
    (net,) = nets(report, edges, electricity())
    assert (net.net, net.bound, net.known_cost) == (Money(1900), True, None)
    (net,) = nets(report, edges, Electricity(electricity().tariff))
    assert net.net is None
    report.close()
