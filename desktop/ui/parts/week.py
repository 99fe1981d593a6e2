"""A week of hours to paint on: each hour has one of three shapes, by mouse or by keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.domain.schedule import DAYS, HOURS, WHILE_AWAY, Permission, Schedule
from desktop.ui import formats
from desktop.ui.colours import Theme
from desktop.ui.language import tr
from desktop.ui.theme import Appearance

HEAD: Final = -1  # the row of hours above the days, the column of days before the hours
LABEL_EVERY: Final = 3
GAP: Final = 1.5
LEAST_CELL: Final = 9
MOVES: Final = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
SHORTCUTS: Final = dict(zip((Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3), Permission, strict=True))

Cell = tuple[int, int]


def permission_words(permission: Permission) -> str:
    """What an hour allows."""
    return {
        Permission.NEVER: tr("never"),
        Permission.AWAY: tr("while I am away"),
        Permission.ALWAYS: tr("always"),
    }[permission]


def paint_permission(painter: QPainter, box: QRectF, permission: Permission, theme: Theme) -> None:
    """A stroke for never, a frame with a low floor for away, a full box for always: told apart without colour."""
    if permission is Permission.NEVER:
        painter.setPen(QPen(QColor(theme.idle), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        middle = box.center()
        reach = min(box.width(), box.height()) * 0.22
        painter.drawLine(middle - QPointF(reach, 0), middle + QPointF(reach, 0))
        return
    colour = QColor(theme.accent)
    if permission is Permission.ALWAYS:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(box, 2, 2)
    else:
        painter.setPen(QPen(colour, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.6, 0.6, -0.6, -0.6), 2, 2)
        floor = QRectF(box.left(), box.top() + box.height() * 0.6, box.width(), box.height() * 0.4)
        painter.fillRect(floor, colour)
    painter.setBrush(Qt.BrushStyle.NoBrush)


class WeekGrid(QWidget):
    """Seven days of 24 hours. `painted` is emitted when the owner changed `schedule`.

    Mouse: press and draw with `brush`; a day's or an hour's name paints all of it. Keys: arrows walk, also onto the
    names; Space paints with the brush, Shift with an arrow paints on the way, 1, 2 and 3 paint never, away, always.
    """

    painted = Signal()

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._hours = list(WHILE_AWAY.hours)
        self._at: Cell = (0, 0)
        self._drawing = False
        self._dirty = False
        self.brush = Permission.NEVER
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Week: when work is allowed"))
        self._describe()
        appearance.changed.connect(self.update)

    @property
    def schedule(self) -> Schedule:
        """What is painted."""
        return Schedule(tuple(self._hours))

    @property
    def at(self) -> Cell:
        """Day and hour the keys are at; -1 stands for the names."""
        return self._at

    def show_schedule(self, schedule: Schedule) -> None:
        """Show a week; tells nobody."""
        self._hours = list(schedule.hours)
        self._describe()
        self.update()

    def paint_hours(self, cell: Cell, permission: Permission) -> None:
        """Paint an hour; a whole day or a whole hour of the week where the cell is a name; all where it is both."""
        days, hours = _covered(cell)
        for day in days:
            for hour in hours:
                if self._hours[day * HOURS + hour] is not permission:
                    self._hours[day * HOURS + hour] = permission
                    self._dirty = True
        if self._dirty:
            self._describe()
            self.update()

    def cell_at(self, place: QPoint) -> Cell:
        """What lies at a place of the widget; at its edges the nearest."""
        area = self._area()
        day = int((place.y() - area.top()) // (area.height() / DAYS))
        hour = int((place.x() - area.left()) // (area.width() / HOURS))
        return (max(HEAD, min(day, DAYS - 1)), max(HEAD, min(hour, HOURS - 1)))

    def middle_of(self, cell: Cell) -> QPoint:
        """The middle of a cell or a name."""
        return self._box(cell).center().toPoint()

    def sizeHint(self) -> QSize:
        """Cells somewhat higher than a line of text."""
        line = self.fontMetrics().height()
        return QSize(int(self._left()) + HOURS * (line + 2), (DAYS + 1) * (line + 4) + 4)

    def minimumSizeHint(self) -> QSize:
        """Cells one can still hit."""
        return QSize(int(self._left()) + HOURS * LEAST_CELL, self.sizeHint().height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to draw."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._drawing = True
            self._draw_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw."""
        if self._drawing:
            self._draw_to(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The stroke ends."""
        if event.button() is Qt.MouseButton.LeftButton and self._drawing:
            self._drawing = False
            self._tell()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk and paint."""
        key = Qt.Key(event.key())
        if key in MOVES:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if shift:
                self.paint_hours(self._at, self.brush)
            down, right = MOVES[key]
            self._go_to((max(HEAD, min(self._at[0] + down, DAYS - 1)), max(HEAD, min(self._at[1] + right, HOURS - 1))))
            if shift:
                self.paint_hours(self._at, self.brush)
        elif key in {Qt.Key.Key_Home, Qt.Key.Key_End}:
            self._go_to((self._at[0], HEAD if key is Qt.Key.Key_Home else HOURS - 1))
        elif key is Qt.Key.Key_Space:
            self.paint_hours(self._at, self.brush)
        elif key in SHORTCUTS:
            self.paint_hours(self._at, SHORTCUTS[key])
        else:
            super().keyPressEvent(event)
            return
        self._tell()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keys are."""
        super().focusInEvent(event)
        self._describe()
        self.update()

    def event(self, event: QEvent) -> bool:
        """What is under the mouse, as a tip."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._sentence(self.cell_at(event.pos())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw names and hours."""
        theme = self._appearance.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(theme.muted))
        for day in range(DAYS):
            painter.drawText(self._box((day, HEAD)), Qt.AlignmentFlag.AlignVCenter, formats.weekday(day))
        for hour in range(0, HOURS, LABEL_EVERY):
            box = self._box((HEAD, hour))
            painter.drawText(
                box.adjusted(0, 0, box.width() * (LABEL_EVERY - 1), 0), Qt.AlignmentFlag.AlignVCenter, str(hour)
            )
        for day in range(DAYS):
            for hour in range(HOURS):
                box = self._box((day, hour)).adjusted(GAP, GAP, -GAP, -GAP)
                paint_permission(painter, box, self._hours[day * HOURS + hour], theme)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.text), 2))
            painter.drawRoundedRect(self._box(self._at), 3, 3)
        painter.end()

    def _draw_to(self, event: QMouseEvent) -> None:
        self._at = self.cell_at(event.position().toPoint())
        self.paint_hours(self._at, self.brush)
        self.update()

    def _tell(self) -> None:
        if self._dirty:
            self._dirty = False
            self.painted.emit()

    def _go_to(self, cell: Cell) -> None:
        self._at = cell
        self._describe()
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self._sentence(self._at))

    def _sentence(self, cell: Cell) -> str:
        days, hours = _covered(cell)
        found = {self._hours[day * HOURS + hour] for day in days for hour in hours}
        allowed = permission_words(found.pop()) if len(found) == 1 else tr("mixed")
        if cell == (HEAD, HEAD):
            return tr("Whole week: {allowed}").format(allowed=allowed)
        if cell[1] == HEAD:
            return tr("{day}, all day: {allowed}").format(day=formats.weekday(cell[0], long=True), allowed=allowed)
        times = tr("{start}:00 to {end}:00").format(start=cell[1], end=cell[1] + 1)
        if cell[0] == HEAD:
            return tr("Every day, {hours}: {allowed}").format(hours=times, allowed=allowed)
        return tr("{day}, {hours}: {allowed}").format(
            day=formats.weekday(cell[0], long=True), hours=times, allowed=allowed
        )

    def _left(self) -> float:
        metrics = self.fontMetrics()
        return max(metrics.horizontalAdvance(formats.weekday(day)) for day in range(DAYS)) + 10.0

    def _area(self) -> QRectF:
        top = self.height() / (DAYS + 1)
        return QRectF(self._left(), top, self.width() - self._left() - 2, self.height() - top - 2)

    def _box(self, cell: Cell) -> QRectF:
        area = self._area()
        width, height = area.width() / HOURS, area.height() / DAYS
        day, hour = cell
        left = 2.0 if hour == HEAD else area.left() + hour * width
        top = 2.0 if day == HEAD else area.top() + day * height
        return QRectF(left, top, area.left() - 6 if hour == HEAD else width, area.top() - 4 if day == HEAD else height)


def _covered(cell: Cell) -> tuple[Iterable[int], Iterable[int]]:
    day, hour = cell
    return (
        range(DAYS) if day == HEAD else (day,),
        range(HOURS) if hour == HEAD else (hour,),
    )
