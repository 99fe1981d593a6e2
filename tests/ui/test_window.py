import re
import time
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QMenu, QPushButton, QWidget

from desktop.config.settings import Settings
from desktop.control.configuration import Configuration
from desktop.control.messages import Pause
from desktop.control.snapshot import Balance, Today, UptimeSummary
from desktop.domain.errors import StorageUnusable
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.app import Hearth
from desktop.ui.charts.bars import BarChart
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.jobs import JobsPage
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.parts.card import Card
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Table
from desktop.ui.window import KINDS
from tests.fakes.steward import DAY_MS, FakeSteward, job_line
from tests.ui.theatre import Stand, find, hearth_over, until


def cards(hearth: Hearth) -> dict[str, str]:
    """What each visible card says."""
    return dict(card.accessibleName().split(": ", 1) for card in hearth.window.findChildren(Card) if card.isVisible())


def button(widget: QWidget, text: str) -> QPushButton:
    return next(each for each in widget.findChildren(QPushButton) if each.text().startswith(text) and each.isVisible())


def test_the_first_screen_says_whether_and_how_much(hearth: Hearth) -> None:
    until(lambda: "Earned today" in cards(hearth))
    assert hearth.window.state_words == "Ready · waiting for requests"
    assert cards(hearth)["Earned today"] == "1,842 sat. usual day ≈ 1,640 sat"
    assert cards(hearth)["Jobs today"] == "37 . 36 completed · 1 failed"
    assert cards(hearth)["Uptime, 30 days"].startswith("—")


def test_what_is_unknown_is_a_dash_and_never_zero(hearth: Hearth, stand: Stand) -> None:
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, today=None, balance=None, devices=())
    stand.changed()
    until(lambda: cards(hearth)["Earned today"].startswith("—"))
    assert {text.split()[0].rstrip(".") for text in cards(hearth).values()} == {"—"}


def test_a_paid_job_shows_by_itself(hearth: Hearth, stand: Stand) -> None:
    picture = stand.steward.picture
    stand.steward.picture = msgspec.structs.replace(
        picture,
        today=Today(earned_msat=1_900_000, usual_msat=None, completed=37, failed=1, cancelled=0),
        recent=(job_line(99), *picture.recent),
    )
    stand.changed()
    until(lambda: cards(hearth)["Earned today"].startswith("1,900"))
    table = next(table for table in hearth.window.findChildren(Table) if table.accessibleName() == "Recent jobs")
    assert table.rows.row(0).key == "job-0099"


def test_pause_opens_its_choices_and_resume_is_one_click(hearth: Hearth, stand: Stand) -> None:
    QTest.mouseClick(button(hearth.window, "Pause"), Qt.MouseButton.LeftButton)
    menu = next(menu for menu in hearth.window.findChildren(QMenu) if menu.isVisible())
    next(action for action in menu.actions() if action.text() == "Until I resume").trigger()
    menu.close()
    until(lambda: hearth.window.state_words == "Paused · by you")
    (asked,) = stand.steward.followed
    assert isinstance(asked, Pause)
    assert (asked.until_ms, asked.finish_first) == (None, False)
    QTest.mouseClick(button(hearth.window, "Resume"), Qt.MouseButton.LeftButton)
    until(lambda: hearth.window.state_words.startswith("Ready"))


def choose_to_pause(hearth: Hearth) -> None:
    QTest.mouseClick(button(hearth.window, "Pause"), Qt.MouseButton.LeftButton)
    menu = next(menu for menu in hearth.window.findChildren(QMenu) if menu.isVisible())
    next(action for action in menu.actions() if action.text() == "For 1 hour").trigger()
    menu.close()


def test_a_pause_that_the_node_refuses_says_why_until_one_is_taken(hearth: Hearth, stand: Stand) -> None:
    before = hearth.window.banner.text
    stand.steward.refusal = StorageUnusable("The pause cannot be kept.", why="The disk is full.", now="Make room.")
    choose_to_pause(hearth)
    until(lambda: hearth.window.banner.text == "The pause cannot be kept. The disk is full. Make room.")
    assert hearth.window.state_words.startswith("Ready")

    stand.steward.refusal = None
    choose_to_pause(hearth)
    until(lambda: hearth.window.state_words.startswith("Paused"))
    until(lambda: hearth.window.banner.text == before)


def test_a_refused_resume_is_told_before_the_remedy_and_closed_by_hand(hearth: Hearth, stand: Stand) -> None:
    stand.steward.show(NodeState.FAULT, Reason.WORKER_FAILED)
    stand.changed()
    remedy = "Start it again with Resume; Diagnostics shows what went wrong."
    until(lambda: hearth.window.banner.text == remedy)
    stand.steward.refusal = StorageUnusable("The pause cannot be kept.")
    QTest.mouseClick(button(hearth.window, "Resume"), Qt.MouseButton.LeftButton)
    until(lambda: hearth.window.banner.text == "The pause cannot be kept.")

    QTest.mouseClick(button(hearth.window, "Close"), Qt.MouseButton.LeftButton)
    assert hearth.window.banner.text == remedy


def test_a_refusal_of_what_was_asked_in_the_tray_opens_the_window(hearth: Hearth, stand: Stand) -> None:
    hearth.window.hide()
    stand.steward.refusal = StorageUnusable("The pause cannot be kept.")
    menus = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMenu)]
    tray = next(each for each in menus if any(action.text() == "Quit Hearth" for action in each.actions()))
    pausing = next(action.menu() for action in tray.actions() if action.text() == "Pause")
    assert isinstance(pausing, QMenu)
    pausing.actions()[0].trigger()
    until(hearth.window.isVisible)
    assert hearth.window.banner.text == "The pause cannot be kept."


def test_every_place_opens_and_only_with_words_for_it(hearth: Hearth) -> None:
    for kind in KINDS:
        hearth.window.go_to(kind)
        QApplication.processEvents()
    assert hearth.window.page is not None


def test_a_node_without_words_has_no_place_for_them(app: QApplication, tmp_path: Path) -> None:
    few = Stand(tmp_path / "d.sock")
    few.steward = FakeSteward(frozenset({"pause", "resume", "uptime", "earnings"}))
    few.open()
    try:
        with hearth_over(few, app, tmp_path) as hearth:
            places = [
                each for each in hearth.window.findChildren(QPushButton) if each.isCheckable() and each.isVisible()
            ]
            names = {each.text().replace("&", "") for each in places}
            assert "Jobs" not in names
            assert "Earnings" in names
    finally:
        few.end()


def test_a_lost_node_is_said_and_found_again(hearth: Hearth, stand: Stand) -> None:
    stand.close()
    until(lambda: hearth.window.state_words == "Reconnecting…")
    assert not button(hearth.window, "Pause").isEnabled()
    stand.steward.show(NodeState.EARNING, Reason.SERVING)
    stand.open()
    until(lambda: hearth.window.state_words.startswith("Earning"))
    assert button(hearth.window, "Pause").isEnabled()


def test_a_fault_says_what_to_do(hearth: Hearth, stand: Stand) -> None:
    stand.steward.show(NodeState.FAULT, Reason.WORKER_FAILED)
    stand.changed()
    until(lambda: hearth.window.state_words == "Stopped · the worker failed three times")
    assert "Resume" in hearth.window.banner.text


def test_the_job_list_grows_as_it_is_scrolled(hearth: Hearth) -> None:
    hearth.window.go_to(JobsPage)
    page = hearth.window.page
    assert page is not None
    table = find(page, Table)
    until(lambda: table.rows.rowCount() == 100)
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    until(lambda: table.rows.rowCount() == 200)


def test_a_job_is_opened_with_its_receipt(hearth: Hearth) -> None:
    hearth.window.show_job("job-0003")
    until(lambda: any("The signature holds" in each.text() for each in hearth.window.findChildren(QLabel)))


def can_take_keys(window: QWidget) -> list[QWidget]:
    """Whatever Tab should stop at."""
    tab = Qt.FocusPolicy.TabFocus.value
    return [
        each
        for each in window.findChildren(QWidget)
        if each.isVisible() and each.isEnabled() and each.focusPolicy().value & tab
    ]


def place(hearth: Hearth) -> QPushButton:
    """The entry of the rail that is open."""
    return next(each for each in hearth.window.findChildren(QPushButton) if each.isChecked() and "&" in each.text())


def stop_of(widget: QWidget) -> object:
    """Where Tab stops for it: of buttons of which one is chosen at any of them, for arrows reach the others."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return widget if group is None or not group.exclusive() else group


def test_every_control_has_a_name_and_is_reached_by_tab(hearth: Hearth, stand: Stand) -> None:
    stand.steward.settings_told = Configuration(lambda: (Settings(), ""), lambda _: None).read()
    for kind in KINDS:
        hearth.window.go_to(kind)
        page = hearth.window.page
        assert page is not None
        if kind is SettingsPage:
            until(lambda page=page: "Web server" in {each.accessibleName() for each in page.findChildren(Panel)})  # type: ignore[misc] # bound now
        QTest.qWait(30)
        wanted = can_take_keys(hearth.window)
        for control in wanted:
            name = QAccessible.queryAccessibleInterface(control).text(QAccessible.Text.Name)
            assert name, (page.title, control)
        reached: set[object] = set()
        hearth.window.activateWindow()
        until(hearth.window.isActiveWindow)
        place(hearth).setFocus()
        for _ in range(len(wanted) + 2):
            QTest.keyClick(QApplication.focusWidget() or hearth.window, Qt.Key.Key_Tab)
            focus = QApplication.focusWidget()
            assert focus is not None
            reached.add(stop_of(focus))
        assert {each.accessibleName() or str(each) for each in wanted if stop_of(each) not in reached} == set()


def test_places_and_spans_are_chosen_by_arrows(hearth: Hearth) -> None:
    chosen = place(hearth)
    chosen.setFocus()
    QTest.keyClick(chosen, Qt.Key.Key_Down)
    assert isinstance(hearth.window.page, JobsPage)
    hearth.window.go_to(KINDS[0])
    page = hearth.window.page
    assert page is not None
    month = button(page, "30 days")
    month.setFocus()
    QTest.keyClick(month, Qt.Key.Key_Right)
    assert button(page, "All").isChecked()
    assert button(page, "All").hasFocus()


def test_the_chart_is_walked_through_by_keys(hearth: Hearth) -> None:
    chart = find(hearth.window, BarChart)
    until(lambda: not chart.is_empty)
    QTest.keyClick(chart, Qt.Key.Key_End)
    newest = chart.accessibleDescription()
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert newest != chart.accessibleDescription()
    assert "sat" in newest
    assert "jobs" in newest


@pytest.mark.parametrize("width", [640, 683])
def test_no_text_is_cut_in_a_small_window(hearth: Hearth, stand: Stand, width: int) -> None:
    stand.steward.settings_told = Configuration(lambda: (Settings(), ""), lambda _: None).read()
    hearth.window.resize(width, 384)
    for kind in KINDS:
        hearth.window.go_to(kind)
        QTest.qWait(60)
        page = hearth.window.page
        assert page is not None
        inside = page.widget()
        assert inside is not None
        if kind is SettingsPage:
            until(lambda page=page: "Web server" in {each.accessibleName() for each in page.findChildren(Panel)})  # type: ignore[misc] # bound now
        assert inside.minimumSizeHint().width() <= page.viewport().width(), page.title
        for each in page.findChildren(QLabel):
            if each.isVisible() and each.text():
                right = each.mapTo(page.viewport(), QPoint(each.width(), 0)).x()
                assert right <= page.viewport().width(), (page.title, each.text())
                longest = max(each.text().split(), key=len)
                assert QFontMetrics(each.font()).horizontalAdvance(longest) <= each.width() + 2, each.text()


def test_the_look_changes_at_once(hearth: Hearth) -> None:
    hearth.house.appearance.choose("dark")
    hearth.window.go_to(ModelsPage)
    shot = hearth.window.grab().toImage()
    assert shot.pixelColor(shot.width() - 5, shot.height() - 5).lightness() < 60
    hearth.house.appearance.choose("light")
    shot = hearth.window.grab().toImage()
    assert shot.pixelColor(shot.width() - 5, shot.height() - 5).lightness() > 200


def test_nothing_keeps_the_window_from_answering(hearth: Hearth, stand: Stand) -> None:
    """No call on the GUI thread lasts over 50 ms while pages are opened and the picture changes."""
    for kind in KINDS:
        hearth.window.go_to(kind)
    QTest.qWait(200)
    worst = 0.0
    for round_ in range(20):
        stand.steward.history.append(job_line(1000 + round_))
        stand.steward.picture = msgspec.structs.replace(
            stand.steward.picture, recent=tuple(job_line(1000 + round_ - back) for back in range(8))
        )
        stand.changed()
        start = time.thread_time()
        hearth.window.go_to(KINDS[round_ % len(KINDS)])
        worst = max(worst, time.thread_time() - start)
        for _ in range(10):
            start = time.thread_time()
            QApplication.processEvents()
            worst = max(worst, time.thread_time() - start)
            time.sleep(0.005)
    assert worst < 0.05


def test_a_window_that_was_closed_shows_what_happened_meanwhile(hearth: Hearth, stand: Stand) -> None:
    until(lambda: "Earned today" in cards(hearth))
    hearth.window.hide()
    stand.steward.picture = msgspec.structs.replace(
        stand.steward.picture,
        today=Today(earned_msat=7_000, usual_msat=None, completed=1, failed=0, cancelled=0),
    )
    stand.changed()
    until(lambda: hearth.house.door.snapshot == stand.steward.picture)
    hearth.window.show()
    until(lambda: cards(hearth)["Earned today"].startswith("7 sat"))


def test_a_setting_is_written_and_can_be_written_back(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(SettingsPage)
    page = hearth.window.page
    assert page is not None
    until(lambda: any(line.text() == "2" for line in page.findChildren(QLineEdit)))
    line = next(line for line in page.findChildren(QLineEdit) if line.text() == "2")
    for value in ("3", "2"):
        line.setText(value)
        line.editingFinished.emit()
        until(lambda value=value: stand.steward.setting_values["threads"] == value)  # type: ignore[misc] # bound by its default
        until(lambda: any(each.text().startswith("Saved") for each in page.findChildren(QLabel)))


def texts(hearth: Hearth) -> str:
    return "\n".join(each.text() for each in hearth.window.findChildren(QLabel) if each.isVisible())


def test_a_fault_leads_to_diagnostics_with_one_button(hearth: Hearth, stand: Stand) -> None:
    stand.steward.show(NodeState.FAULT, Reason.WORKER_FAILED)
    stand.changed()
    until(lambda: "Resume" in hearth.window.banner.text)
    QTest.mouseClick(button(hearth.window.banner, "Open Diagnostics"), Qt.MouseButton.LeftButton)
    assert isinstance(hearth.window.page, DiagnosticsPage)
    assert not any(each.isVisible() for each in hearth.window.banner.findChildren(QPushButton))


def test_huge_numbers_are_written_whole_and_fit(hearth: Hearth, stand: Stand) -> None:
    huge = 21 * 10**17  # every bitcoin there will be, in millisats
    picture = stand.steward.picture
    stand.steward.picture = msgspec.structs.replace(
        picture,
        today=Today(earned_msat=huge, usual_msat=huge, completed=10**12, failed=10**12, cancelled=10**12),
        balance=msgspec.structs.replace(picture.balance or Balance(available_msat=0, owed_msat=0), available_msat=huge),
        recent=(msgspec.structs.replace(job_line(1), charged_msat=huge, prompt_tokens=2**52),),
    )
    hearth.window.resize(683, 384)
    stand.changed()
    until(lambda: cards(hearth)["Earned today"].startswith("2,100,000,000,000,000 sat"))
    page = hearth.window.page
    assert page is not None
    inside = page.widget()
    assert inside is not None
    QTest.qWait(20)
    assert inside.minimumSizeHint().width() <= page.viewport().width()


def test_a_clock_that_was_set_back_a_year_shows_no_time_that_runs_backwards(hearth: Hearth, stand: Stand) -> None:
    """Everything the ledger knows lies in the future of this clock."""
    ahead = hearth.house.now_ms() + 365 * DAY_MS
    job = msgspec.structs.replace(
        job_line(1), accepted_at_ms=ahead + 5000, started_at_ms=ahead + 4000, finished_at_ms=ahead
    )
    picture = stand.steward.picture
    stand.steward.picture = msgspec.structs.replace(
        picture,
        status=msgspec.structs.replace(picture.status, since_ms=ahead),
        uptime=UptimeSummary(share=0.5, offline_ms=0, since_ms=ahead),
        recent=(job,),
    )
    stand.steward.history = [job]
    stand.changed()
    until(lambda: cards(hearth)["Uptime, 30 days"].startswith("50.0"))
    for kind in KINDS:
        hearth.window.go_to(kind)
        QTest.qWait(30)
        assert not re.search(r"(?<!\w)-\d", texts(hearth)), hearth.window.page
    table = next(each for each in hearth.window.findChildren(Table) if each.accessibleName() == "Recent jobs")
    assert table.rows.row(0).cells[4] == "0.0 s"


def test_a_model_with_a_long_name_leaves_room_to_search(hearth: Hearth, stand: Stand) -> None:
    (model,) = stand.steward.picture.models
    long = msgspec.structs.replace(model, id="long", name="A name nobody should have to read " * 4)
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, models=(model, long))
    hearth.window.resize(683, 384)
    hearth.window.go_to(JobsPage)
    stand.changed()
    page = hearth.window.page
    assert page is not None
    until(lambda: any(each.findText(long.name) >= 0 for each in page.findChildren(QComboBox)))
    QTest.qWait(30)
    search = find(page, QLineEdit)
    assert search.width() >= 100
    inside = page.widget()
    assert inside is not None
    assert inside.minimumSizeHint().width() <= page.viewport().width()
