from __future__ import annotations

from pathlib import Path

import pytest

from desktop.machine.presence.power import supplies_on_battery
from desktop.machine.presence.source import SourceFailed


def supply(folder: Path, name: str, **words: str) -> None:
    (folder / name).mkdir(parents=True)
    for word, value in words.items():
        (folder / name / word).write_text(value + "\n")


def test_a_laptop_away_from_its_plug_is_on_battery(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="0")
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")

    assert supplies_on_battery(tmp_path)


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown", "Discharging"])
def test_a_laptop_at_its_plug_is_not(tmp_path: Path, status: str) -> None:
    # "Discharging" at the plug: a battery that is kept at eighty percent, or a weak charger.
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "BAT0", type="Battery", status=status)

    assert not supplies_on_battery(tmp_path)


def test_a_usb_charger_is_a_plug(tmp_path: Path) -> None:
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    supply(tmp_path, "ucsi-source-psy-1", type="USB", online="1")

    assert not supplies_on_battery(tmp_path)


def test_the_battery_of_a_mouse_is_not_the_computers(tmp_path: Path) -> None:
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")

    with pytest.raises(SourceFailed, match="no battery"):
        supplies_on_battery(tmp_path)


def test_a_mouse_beside_the_computers_own_battery(tmp_path: Path) -> None:
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    supply(tmp_path, "BAT1", type="Battery", scope="System", status="Full")
    supply(tmp_path, "empty")

    assert not supplies_on_battery(tmp_path)


def test_a_system_without_supplies_has_no_battery(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="no battery"):
        supplies_on_battery(tmp_path / "nothing")
