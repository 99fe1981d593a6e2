"""Editors of the page Settings that are more than a line of text."""

from __future__ import annotations

import tomllib

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QRadioButton

from desktop.config.settings import Settings
from desktop.control.configuration import Configuration
from desktop.ui.app import Hearth
from desktop.ui.pages.page import Page
from desktop.ui.pages.setting_field import LinesField
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


def test_settings_that_could_not_be_read_are_said_where_they_are_changed(hearth: Hearth, stand: Stand) -> None:
    kept = "The settings could not be read. They are kept in settings.toml.1; the defaults are used."
    stand.steward.settings_told = Configuration(lambda: (Settings(), kept), lambda _: None).read()
    hearth.window.go_to(SettingsPage)
    page = hearth.window.page
    assert page is not None
    until(lambda: said(page, kept))


def test_hours_of_other_prices_are_empty_until_some_are_written(hearth: Hearth, stand: Stand) -> None:
    stand.steward.settings_told = Configuration(lambda: (Settings(), ""), lambda _: None).read()
    hearth.window.go_to(SettingsPage)
    page = hearth.window.page
    assert page is not None
    name = "Hours of the week in which a kWh costs something else."

    def lines() -> LinesField | None:
        return next((each for each in page.findChildren(LinesField) if each.accessibleName() == name), None)

    until(lambda: lines() is not None)
    field_ = lines()
    assert field_ is not None
    assert field_.toPlainText() == ""
    assert "mon-fri" in field_.placeholderText()
    before = field_.height()
    field_.setPlainText("[\n]\n\n")
    assert field_.height() > before
