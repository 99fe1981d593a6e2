"""The search on the Jobs page, over the fake node's door."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit

from desktop.ui.app import Hearth
from desktop.ui.pages.job_detail import JobDetail
from desktop.ui.pages.jobs import JobsPage
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.table import Table
from tests.ui.theatre import Stand, find, until


@pytest.fixture
def page(hearth: Hearth) -> JobsPage:
    hearth.window.go_to(JobsPage)
    page = find(hearth.window, JobsPage)
    until(lambda: len(keys(page)) == 100)
    return page


def keys(page: JobsPage) -> list[str]:
    rows = find(page, Table).rows
    return [rows.row(number).key for number in range(rows.rowCount())]


def type_in(page: JobsPage, text: str) -> None:
    search = find(page, QLineEdit)
    search.clear()
    QTest.keyClicks(search, text)


def said(page: JobsPage) -> str:
    return "\n".join(each.text() for each in page.findChildren(QLabel) if each.isVisible())


def test_a_part_of_an_id_finds_jobs_page_by_page(page: JobsPage) -> None:
    type_in(page, "b-01")  # those from 100 to 199
    until(lambda: set(keys(page)) == {f"job-{number:04}" for number in range(100, 200)})
    type_in(page, "b-0")  # all of them, which are more than one page
    until(lambda: keys(page)[0] == "job-0250")
    bar = find(page, Table).verticalScrollBar()
    bar.setValue(bar.maximum())
    until(lambda: len(keys(page)) == 200)
    find(page, QLineEdit).clear()
    until(lambda: len(keys(page)) == 100)


def test_a_part_of_the_name_a_model_is_shown_by_finds_its_jobs(page: JobsPage, stand: Stand) -> None:
    picture, history = stand.steward.picture, stand.steward.history
    history[4] = msgspec.structs.replace(history[4], model_id="qwen3-8b")
    clever = msgspec.structs.replace(picture.models[0], id="qwen3-8b", name="A Clever One")
    stand.steward.picture = msgspec.structs.replace(picture, models=(*picture.models, clever))
    stand.changed()
    until(lambda: any(each.findText("A Clever One") >= 0 for each in page.findChildren(DropDown)))

    type_in(page, "clever")
    until(lambda: keys(page) == [history[4].id])


def test_nothing_found_says_what_was_searched(page: JobsPage) -> None:
    type_in(page, "no such job")
    until(lambda: "No job has “no such job” in its id or its model." in said(page))
    assert keys(page) == []
    state = find(page, DropDown)
    state.setCurrentIndex(state.count() - 1)
    until(lambda: "Of the state and model chosen above, no job has “no such job”" in said(page))


def test_enter_opens_the_only_job_found(hearth: Hearth, page: JobsPage) -> None:
    type_in(page, "job-0003")
    QTest.keyClick(find(page, QLineEdit), Qt.Key.Key_Return)
    until(lambda: hearth.window.findChildren(JobDetail))
    assert keys(page) == ["job-0003"]
    find(hearth.window, JobDetail).close()
