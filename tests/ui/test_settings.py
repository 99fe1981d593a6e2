"""Editors of the page Settings that are more than a line of text."""

from __future__ import annotations

import tomllib

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QRadioButton

from desktop.ui.app import Hearth
from desktop.ui.pages.page import Page
from desktop.ui.pages.settings import SettingsPage
from tests.ui.theatre import Stand, until


def opened(hearth: Hearth) -> Page:
    hearth.window.go_to(SettingsPage)
    page = hearth.window.page
    assert page is not None
    until(lambda: any("Usual price" in each.accessibleName() for each in page.findChildren(QLineEdit)))
    return page


def field(page: Page, name: str) -> QLineEdit:
    return next(each for each in page.findChildren(QLineEdit) if each.accessibleName() == name)


def write(line: QLineEdit, text: str) -> None:
    line.setText(text)
    line.editingFinished.emit()


def said(page: Page, words: str) -> bool:
    return any(each.text() == words for each in page.findChildren(QLabel) if each.isVisible())


def test_the_usual_price_is_written_in_sats(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth)
    line = field(page, "Usual price, Answering, a million tokens, in sat")
    assert line.text() == "200"
    write(line, "1,250.5")
    until(lambda: "1250500" in stand.steward.setting_values["default_price"])
    until(lambda: said(page, "Saved. It counts from the next start of Hearth."))
    other = field(page, "SmolLM2 135M Instruct, Answering, a million tokens, in sat")
    assert other.placeholderText() == "1,250"


def test_a_model_gets_a_price_of_its_own_and_loses_it(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth)
    line = field(page, "SmolLM2 135M Instruct, Each request, in sat")
    write(line, "2")
    wanted = [
        {
            "model": "smollm2-135m-instruct",
            "prompt_msat_per_million": 50_000,
            "completion_msat_per_million": 200_000,
            "request_msat": 2_000,
        }
    ]
    until(lambda: tomllib.loads("x = " + stand.steward.setting_values["prices"])["x"] == wanted)
    reading = field(page, "SmolLM2 135M Instruct, Reading, a million tokens, in sat")
    assert reading.text() == "50"
    for each in page.findChildren(QLineEdit):
        if each.accessibleName().startswith("SmolLM2"):
            each.clear()
    line.editingFinished.emit()
    until(lambda: stand.steward.setting_values["prices"] == "[]")


def test_what_is_no_price_is_said_and_not_written(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth)
    before = dict(stand.steward.setting_values)
    for text in ("much", "-1"):
        write(field(page, "Usual price, Each request, in sat"), text)
        words = f"{text} is not an amount of sats."
        until(lambda words=words: said(page, words))  # type: ignore[misc] # bound by its default
    assert stand.steward.setting_values == before


def test_the_schedule_is_a_choice_that_counts_at_once(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth)
    always = next(each for each in page.findChildren(QRadioButton) if each.text().startswith("Always"))
    QTest.mouseClick(always, Qt.MouseButton.LeftButton, pos=QPoint(8, always.height() // 2))
    until(lambda: stand.steward.setting_values["schedule"] == "always")
    until(lambda: said(page, "Saved. It counts at once."))
