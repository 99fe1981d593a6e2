"""The week to paint on: by mouse, by keys, by presets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QRadioButton

from desktop.domain.schedule import DAYS, HOURS, Permission, Schedule
from desktop.ui.colours import DARK, LIGHT, Theme
from desktop.ui.parts.week import HEAD, WeekGrid, paint_permission
from desktop.ui.parts.when import ALWAYS, AWAY, WhenChoice, nights, weekends
from desktop.ui.theme import Appearance
from tests.ui.theatre import no_qt_warnings


@pytest.fixture
def when(app: QApplication) -> Iterator[WhenChoice]:
    with no_qt_warnings():
        made = WhenChoice(Appearance(app))
        made.resize(640, 480)
        made.show()
        QApplication.processEvents()
        yield made
        made.close()
        made.deleteLater()


@pytest.fixture
def grid(when: WhenChoice) -> WeekGrid:
    choose(when, "By a schedule")
    QApplication.processEvents()
    return when.grid


def choose(when: WhenChoice, text: str) -> None:
    button = next(each for each in when.findChildren(QRadioButton) if each.text() == text)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, button.height() // 2))


def press(when: WhenChoice, text: str) -> None:
    QTest.mouseClick(
        next(each for each in when.findChildren(QPushButton) if each.text() == text), Qt.MouseButton.LeftButton
    )


def permission(grid: WeekGrid, day: int, hour: int) -> Permission:
    return grid.schedule.hours[day * HOURS + hour]


def drag(grid: WeekGrid, *cells: tuple[int, int]) -> None:
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=grid.middle_of(cells[0]))
    for _, cell in pairwise(cells):
        QTest.mouseMove(grid, grid.middle_of(cell))
        QApplication.processEvents()
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=grid.middle_of(cells[-1]))


def test_two_plain_answers_need_no_grid(when: WhenChoice) -> None:
    told: list[str] = []
    when.chosen.connect(told.append)
    assert not when.grid.isVisible()
    choose(when, "Always, also while I use the computer")
    choose(when, "When I am away")
    assert told == ["always", "away"]
    choose(when, "By a schedule")
    assert when.grid.isVisible()
    assert told == ["always", "away"], "nothing is another yet"


def test_hours_are_painted_by_a_stroke_and_told_once(when: WhenChoice, grid: WeekGrid) -> None:
    told: list[str] = []
    when.chosen.connect(told.append)
    drag(grid, (0, 8), (0, 9), (0, 10))
    assert [permission(grid, 0, hour) for hour in (7, 8, 9, 10, 11)] == ["away", "never", "never", "never", "away"]
    assert told == [grid.schedule.in_short]
    drag(grid, (0, 8), (0, 9))
    assert len(told) == 1, "painting the same again changes nothing"


def test_a_name_paints_its_whole_day_or_hour(when: WhenChoice, grid: WeekGrid) -> None:
    press(when, "always")
    drag(grid, (6, HEAD))
    drag(grid, (HEAD, 3))
    assert all(permission(grid, 6, hour) is Permission.ALWAYS for hour in range(HOURS))
    assert all(permission(grid, day, 3) is Permission.ALWAYS for day in range(DAYS))
    assert permission(grid, 0, 4) is Permission.AWAY


def test_keys_walk_and_paint(grid: WeekGrid) -> None:
    grid.setFocus()
    QTest.keyClick(grid, Qt.Key.Key_Down)
    QTest.keyClick(grid, Qt.Key.Key_Space)
    assert permission(grid, 1, 0) is Permission.NEVER
    for _ in range(2):
        QTest.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert [permission(grid, 1, hour) for hour in range(4)] == ["never", "never", "never", "away"]
    QTest.keyClick(grid, Qt.Key.Key_3)
    assert permission(grid, 1, 2) is Permission.ALWAYS
    QTest.keyClick(grid, Qt.Key.Key_Home)
    assert grid.at == (1, HEAD)
    QTest.keyClick(grid, Qt.Key.Key_1)
    assert all(permission(grid, 1, hour) is Permission.NEVER for hour in range(HOURS))
    QTest.keyClick(grid, Qt.Key.Key_Up)
    QTest.keyClick(grid, Qt.Key.Key_Up)
    QTest.keyClick(grid, Qt.Key.Key_Up)
    assert grid.at == (HEAD, HEAD)
    QTest.keyClick(grid, Qt.Key.Key_3)
    assert grid.schedule == ALWAYS
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert grid.at == (HEAD, HOURS - 1)


def test_a_screen_reader_hears_what_the_keys_are_at(grid: WeekGrid) -> None:
    grid.setFocus()
    assert grid.accessibleDescription() == "Monday, 0:00 to 1:00: while I am away"
    QTest.keyClick(grid, Qt.Key.Key_1)
    assert grid.accessibleDescription() == "Monday, 0:00 to 1:00: never"
    QTest.keyClick(grid, Qt.Key.Key_Home)
    assert grid.accessibleDescription() == "Monday, all day: mixed"


def test_presets_fill_the_week(when: WhenChoice, grid: WeekGrid) -> None:
    press(when, "Nights")
    assert grid.schedule == nights()
    assert [permission(grid, 2, hour) for hour in (6, 7, 21, 22)] == ["away", "never", "never", "away"]
    press(when, "Weekends")
    assert grid.schedule == weekends()
    assert (permission(grid, 4, 23), permission(grid, 5, 0)) == (Permission.NEVER, Permission.AWAY)
    press(when, "Whenever I am away")
    assert grid.schedule == AWAY


@pytest.mark.parametrize("text", ["away", "always", "never", str(nights())])
def test_what_holds_is_shown(when: WhenChoice, text: str) -> None:
    when.show_schedule(Schedule.parse(text))
    assert when.grid.schedule.in_short == text
    assert when.grid.isVisible() == (text not in {"away", "always"})


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_three_are_told_apart_without_colour(app: QApplication, theme: Theme) -> None:
    assert app
    shapes = set()
    for each in Permission:
        image = QImage(14, 14, QImage.Format.Format_ARGB32)
        image.fill(QColor(0, 0, 0, 0))
        painter = QPainter(image)
        paint_permission(painter, image.rect().toRectF(), each, theme)
        painter.end()
        shapes.add(sum(image.pixelColor(x, y).alpha() > 100 for x in range(14) for y in range(14)) // 20)
    assert len(shapes) == len(Permission)
