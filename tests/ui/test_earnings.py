"""The page Earnings: what each device brought and used, where that was measured."""

from __future__ import annotations

import msgspec
from PySide6.QtWidgets import QLabel

from desktop.control.answers import DeviceEarnings
from desktop.ui.app import Hearth
from desktop.ui.pages.earnings import EarningsPage, energy_words
from desktop.ui.parts.table import Table
from tests.ui.theatre import Stand, until

CARD = DeviceEarnings(
    device="cpu",
    msat=1_842_000,
    jobs=37,
    electricity_msat=42_000,
    unmeasured=0,
    work_mj=900_000_000,
    total_mj=1_800_000_000,
    known_ms=3_600_000,
    unknown_ms=0,
)


def by_device(hearth: Hearth) -> Table:
    return next(each for each in hearth.window.findChildren(Table) if each.accessibleName() == "Earnings by device")


def test_what_each_device_brought_and_used_is_told_by_its_name(hearth: Hearth, stand: Stand) -> None:
    stand.steward.devices_told = (CARD, msgspec.structs.replace(CARD, device="GPU-gone", electricity_msat=None))
    hearth.window.go_to(EarningsPage)
    table = by_device(hearth)
    until(lambda: table.isVisible() and table.rows.rowCount() == 2)
    assert table.rows.row(0).cells == ("AMD Ryzen 7 5800X", "37", "0.50 kWh", "1,842 sat", "1,800 sat")
    assert table.rows.row(1).cells[0] == "GPU-gone"
    assert table.rows.row(1).cells[-1] == "—"


def test_where_nothing_was_measured_there_is_no_table_of_devices(hearth: Hearth) -> None:
    hearth.window.go_to(EarningsPage)
    models = next(each for each in hearth.window.findChildren(Table) if each.accessibleName() == "Earnings by model")
    until(lambda: models.rows.rowCount() == 1)
    assert any("what a kWh costs" in each.text() for each in hearth.window.findChildren(QLabel) if each.isVisible())
    assert not by_device(hearth).isVisible()


def test_energy_that_was_measured_in_part_is_a_lower_bound() -> None:
    assert energy_words(CARD) == "0.50 kWh"
    assert energy_words(msgspec.structs.replace(CARD, unknown_ms=1)) == "at least 0.50 kWh"
    assert energy_words(msgspec.structs.replace(CARD, known_ms=0)) == "—"
