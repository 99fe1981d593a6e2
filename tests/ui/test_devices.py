"""The page of the devices: what each is like, what it may do, and the controls for that."""

from __future__ import annotations

import tomllib

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QWidget

from desktop.control.messages import Benchmark
from desktop.control.snapshot import DeviceCard, UnmetLimit
from desktop.domain.device import DeviceKind
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.app import Hearth
from desktop.ui.pages.device_panel import DevicePanel, device_facts, limits_words, stop_words
from desktop.ui.pages.devices import DevicesPage
from desktop.ui.pages.page import Page
from tests.fakes.steward import START_MS
from tests.ui.theatre import Stand, find, until

CARD = DeviceCard(
    id="GPU-1",
    name="A Card",
    kind=DeviceKind.NVIDIA,
    state=NodeState.PAUSED,
    reason=Reason.OTHER_PROGRAM,
    detail="A game uses 80 % of it.",
    load=0.8,
    memory_used_bytes=5 << 30,
    memory_total_bytes=12 << 30,
    temperature_c=68,
    power_w=142.0,
    power_limit_w=170.0,
    core_clock_mhz=1777,
    most_power_share=0.8,
    most_temperature_c=80.0,
    duty=0.5,
    unmet=(UnmetLimit(what="power limit", why="It takes rights.", command="sudo nvidia-smi -i 0 -pl 136"),),
    last_stop_at_ms=START_MS,
    last_stop_ms=300,
    last_release_ms=12,
)


def opened(hearth: Hearth, stand: Stand) -> Page:
    """The page, with a card before the processor."""
    stand.steward.picture = msgspec.structs.replace(
        stand.steward.picture, devices=(CARD, *stand.steward.picture.devices)
    )
    stand.changed()
    hearth.window.go_to(DevicesPage)
    page = hearth.window.page
    assert page is not None
    until(lambda: "A Card" in texts(page))
    return page


def panel_of(page: Page, name: str) -> DevicePanel:
    return next(each for each in page.findChildren(DevicePanel) if each.accessibleName() == name)


def texts(page: QWidget) -> list[str]:
    return [each.text() for each in page.findChildren(QLabel) if each.isVisible()]


def press(page: QWidget, text: str) -> None:
    button = next(each for each in page.findChildren(QPushButton) if each.text() == text and each.isVisible())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_device_is_told_with_its_state_its_reason_and_its_limits(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    said = texts(page)
    assert "Paused · another program uses the device" in said
    assert "A game uses 80 % of it." in said
    assert "Power limit is not in force: It takes rights." in said
    press(page, "Copy")
    assert QGuiApplication.clipboard().text() == "sudo nvidia-smi -i 0 -pl 136"


def test_what_is_unknown_is_a_dash() -> None:
    facts = dict(device_facts(CARD, START_MS))
    assert facts["Power"] == "142 of 170 W"
    assert facts["Clock"] == "1,777 MHz"
    assert (facts["Fan"], facts["Clock of its memory"]) == ("—", "—")


def test_limits_and_stops_are_said_in_words() -> None:
    assert limits_words(CARD) == "power 80 % of its default · stops above 80 °C · computes 50 % of the time"
    assert limits_words(msgspec.structs.replace(CARD, most_power_share=None, most_temperature_c=None, duty=1)) == "none"
    assert stop_words(CARD, START_MS).startswith("stopped in 0.3 s, memory free 0.01 s later, ")
    assert stop_words(msgspec.structs.replace(CARD, last_stop_ms=None), START_MS) == "not measured yet"


def test_a_preset_is_chosen_for_all(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    press(page, "Quiet")
    until(lambda: stand.steward.setting_values["preset"] == "quiet")
    until(lambda: any("It computes 50 % of the time." in text for text in texts(page)))


def test_a_device_is_switched_off_and_on(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    box = find(panel_of(page, "A Card"), QCheckBox)
    until(box.isChecked)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    until(lambda: stand.steward.setting_values["disabled_devices"] == "GPU-1")
    until(lambda: not box.isChecked())
    QTest.keyClick(box, Qt.Key.Key_Space)
    until(lambda: stand.steward.setting_values["disabled_devices"] == "")


def test_a_device_gets_limits_of_its_own_and_loses_them(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    panel = panel_of(page, "A Card")
    press(panel, "Limits of its own ▾")
    fields = {each.accessibleName(): each for each in panel.findChildren(QLineEdit) if each.isVisible()}
    assert len(fields) == 4
    fields["Time in which it computes, %"].setText("30")
    fields["Memory at most, GiB"].setText("6.5")
    fields["Memory at most, GiB"].editingFinished.emit()
    wanted = [{"device": "GPU-1", "duty": 0.3, "memory_mib": 6656}]
    until(lambda: tomllib.loads("x = " + stand.steward.setting_values["limits"])["x"] == wanted)
    fields["Time in which it computes, %"].setText("much")
    fields["Time in which it computes, %"].editingFinished.emit()
    until(lambda: "much is not a number." in texts(page))
    for field in fields.values():
        field.clear()
    fields["Time in which it computes, %"].editingFinished.emit()
    until(lambda: stand.steward.setting_values["limits"] == "[]")


def test_of_several_devices_one_is_chosen_to_be_measured(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    choice = next(each for each in page.findChildren(QComboBox) if each.isVisible())
    assert [choice.itemText(place) for place in range(choice.count())] == ["A Card", "AMD Ryzen 7 5800X"]
    choice.setCurrentIndex(1)
    press(page, "Measure")
    until(lambda: bool(stand.steward.followed))
    (asked,) = stand.steward.followed
    assert isinstance(asked, Benchmark)
    assert (asked.device_id, asked.cancel) == ("cpu", False)


def test_a_device_that_is_gone_goes(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth, stand)
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, devices=stand.steward.picture.devices[1:])
    stand.changed()
    until(lambda: not any("A Card" in text for text in texts(page)))
