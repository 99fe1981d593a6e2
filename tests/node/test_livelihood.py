from pathlib import Path

import pytest

from desktop.domain.device import Telemetry
from desktop.domain.errors import StorageUnusable
from desktop.domain.tariff import Electricity
from desktop.ledger.record import Ledger
from desktop.ledger.report import QUARTER_MS, Report
from desktop.node.books import Books
from desktop.node.energy import EnergyBook
from desktop.node.livelihood import Livelihood
from desktop.node.price_keeper import PriceKeeper
from desktop.node.pricing import PriceTerms
from tests.fakes.patience import until

NOW_MS = 1_794_787_200_000


async def test_what_is_measured_is_written_when_the_node_ends(tmp_path: Path) -> None:
    books = Books(Ledger.open(tmp_path / "ledger.db"))
    report = Report.open(tmp_path / "ledger.db")
    readings = {"gpu": Telemetry(NOW_MS, power_w=50)}
    energy = EnergyBook(lambda: readings, books, lambda: NOW_MS)
    prices = PriceKeeper(
        (),
        PriceTerms(),
        report=report,
        electricity=Electricity,
        busy=lambda: 0.0,
        reprice=lambda asked, billed: pytest.fail(f"{asked} {billed}"),
        honoured_ms=0,
        now_ms=lambda: NOW_MS,
    )
    livelihood = Livelihood(energy, prices)
    livelihood.start()
    energy.look()
    readings["gpu"] = Telemetry(NOW_MS + 1000, power_w=50)
    await until(lambda: energy._rows != {}, timeout_s=30.0)
    await livelihood.close()
    (row,) = report.metered(NOW_MS, NOW_MS + QUARTER_MS)
    assert (row.device, row.total_mj, row.known_ms) == ("gpu", 50_000, 1000)
    assert livelihood.worth_it("gpu") is None
    await livelihood.close()
    report.close()
    await books.close()


async def test_a_disk_that_refuses_at_the_end_does_not_keep_the_node(tmp_path: Path) -> None:
    class Full(EnergyBook):
        async def write(self) -> None:
            raise StorageUnusable("The disk is full.")

    books = Books(Ledger.open(tmp_path / "ledger.db"))
    report = Report.open(tmp_path / "ledger.db")
    prices = PriceKeeper(
        (),
        PriceTerms(),
        report=report,
        electricity=Electricity,
        busy=lambda: 0.0,
        reprice=lambda asked, billed: pytest.fail(f"{asked} {billed}"),
        honoured_ms=0,
        now_ms=lambda: NOW_MS,
    )
    await Livelihood(Full(dict, books, lambda: NOW_MS), prices).close()
    report.close()
    await books.close()
