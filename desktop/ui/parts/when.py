"""When to work: two plain answers, and a week to paint for whoever wants it finer."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QVBoxLayout, QWidget

from desktop.domain.schedule import DAYS, HOURS, Permission, Schedule
from desktop.ui.language import tr
from desktop.ui.parts.choice import Radio
from desktop.ui.parts.label import label
from desktop.ui.parts.week import WeekGrid, paint_permission, permission_words
from desktop.ui.theme import Appearance

ICON: Final = 16
NIGHT: Final = (22, 7)
SATURDAY: Final = 5
A_ROW: Final = 3

AWAY: Final = Schedule.parse(Permission.AWAY)
ALWAYS: Final = Schedule.parse(Permission.ALWAYS)


def nights() -> Schedule:
    """From ten in the evening to seven in the morning, while nobody is there."""
    start, end = NIGHT
    night = tuple(Permission.AWAY if hour >= start or hour < end else Permission.NEVER for hour in range(HOURS))
    return Schedule(night * DAYS)


def weekends() -> Schedule:
    """Saturday and Sunday, while nobody is there."""
    return Schedule(
        tuple(Permission.AWAY if day >= SATURDAY else Permission.NEVER for day in range(DAYS) for _ in range(HOURS))
    )


class WhenChoice(QWidget):
    """`chosen` carries the schedule in the form the setting has."""

    chosen = Signal(str)

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._away = Radio(tr("When I am away"))
        self._always = Radio(tr("Always, also while I use the computer"))
        self._by_week = Radio(tr("By a schedule"))
        self._choices = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for place, (button, words) in enumerate(
            (
                (self._away, tr("Work begins some minutes after the last key or click, and ends within a second.")),
                (self._always, tr("Work goes on beside yours, at a low priority. You may notice it.")),
                (self._by_week, tr("Each hour of the week by itself, on this computer's clock.")),
            )
        ):
            self._choices.addButton(button, place)
            hint = label(words, "hint", wrap=True)
            hint.setContentsMargins(24, 0, 0, 0)
            button.setAccessibleDescription(words)
            column.addWidget(button)
            column.addWidget(hint)
        self._grid = WeekGrid(appearance)
        self._week = self._week_box()
        column.addWidget(self._week)
        self._choices.idClicked.connect(self._choose)
        self._grid.painted.connect(self._tell)
        appearance.changed.connect(self._draw_icons)
        self.show_schedule(AWAY)

    @property
    def grid(self) -> WeekGrid:
        """The week, for whoever wants to see it."""
        return self._grid

    def show_schedule(self, schedule: Schedule) -> None:
        """Show what holds; tells nobody."""
        button = {AWAY: self._away, ALWAYS: self._always}.get(schedule, self._by_week)
        button.setChecked(True)
        self._grid.show_schedule(schedule)
        self._week.setVisible(button is self._by_week)

    def _week_box(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(24, 4, 0, 0)
        column.setSpacing(8)
        self._brushes = QButtonGroup(self)
        brushes = QGridLayout()
        brushes.setHorizontalSpacing(4)
        for place, permission in enumerate(Permission):
            brush = QPushButton(permission_words(permission))
            brush.setObjectName("segment")
            brush.setCheckable(True)
            brush.setChecked(permission is self._grid.brush)
            brush.setAccessibleName(tr("Paint: {allowed}").format(allowed=permission_words(permission)))
            self._brushes.addButton(brush, place)
            brushes.addWidget(brush, 0, place)
        brushes.setColumnStretch(A_ROW, 1)
        self._brushes.idClicked.connect(self._take_brush)
        column.addWidget(label(tr("Choose what to paint, then draw over the hours:"), "hint", wrap=True))
        column.addLayout(brushes)
        column.addWidget(self._grid)
        presets = QGridLayout()
        presets.setHorizontalSpacing(8)
        for place, (name, schedule) in enumerate(
            ((tr("Whenever I am away"), AWAY), (tr("Nights"), nights()), (tr("Weekends"), weekends()))
        ):
            button = QPushButton(name)
            button.clicked.connect(lambda _=False, schedule=schedule: self._fill(schedule))
            presets.addWidget(button, 0, place)
        presets.setColumnStretch(A_ROW, 1)
        column.addLayout(presets)
        self._draw_icons()
        return box

    def _choose(self, place: int) -> None:
        button = self._choices.button(place)
        self._week.setVisible(button is self._by_week)
        if button is self._by_week:
            self._grid.setFocus()
        else:
            self._grid.show_schedule(AWAY if button is self._away else ALWAYS)
            self._tell()

    def _take_brush(self, place: int) -> None:
        self._grid.brush = list(Permission)[place]

    def _fill(self, schedule: Schedule) -> None:
        self._grid.show_schedule(schedule)
        self._tell()

    def _tell(self) -> None:
        self.chosen.emit(self._grid.schedule.in_short)

    def _draw_icons(self) -> None:
        ratio = self.devicePixelRatioF()
        for place, permission in enumerate(Permission):
            pixels = QPixmap(round(ICON * ratio), round(ICON * ratio))
            pixels.setDevicePixelRatio(ratio)
            pixels.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixels)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_permission(painter, QRectF(1, 1, ICON - 2, ICON - 2), permission, self._appearance.theme)
            painter.end()
            self._brushes.button(place).setIcon(QIcon(pixels))
