"""Earnings as bars. Left and right walk along them; what the mouse or the walk is at stands above the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui import formats
from desktop.ui.charts.scale import marks
from desktop.ui.language import tr
from desktop.ui.theme import Appearance

GAP: Final = 0.18
ROUND: Final = 3.0
PALE: Final = 0.72


def mixed(front: str, back: str, part: float) -> QColor:
    """A colour over another as if it let some through; what lies between the two does not shine through."""
    over, under = QColor(front), QColor(back)
    red, green, blue = (
        part * one + (1 - part) * other
        for one, other in zip(
            (over.redF(), over.greenF(), over.blueF()), (under.redF(), under.greenF(), under.blueF()), strict=True
        )
    )
    return QColor.fromRgbF(red, green, blue)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label on the axis, its full name, millisats, jobs."""

    axis: str
    name: str
    msat: int
    jobs: int


class BarChart(QWidget):
    """Bars of earnings; the last one is still growing and stands out."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._bars: tuple[Bar, ...] = ()
        self._empty = ""
        self._at = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(176)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Earnings, bar chart"))
        appearance.changed.connect(self.update)

    def show_bars(self, bars: Sequence[Bar], empty: str) -> None:
        """Show bars, or the sentence `empty` while all of them are zero."""
        shown = tuple(bars)
        if shown == self._bars and empty == self._empty:
            return
        if len(shown) != len(self._bars):
            self._at = -1
        self._bars, self._empty = shown, empty
        self._describe()
        self.update()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(bar.msat for bar in self._bars)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right walk along the bars, Home and End go to the ends."""
        moves = {
            Qt.Key.Key_Left: (self._at if self._at >= 0 else len(self._bars)) - 1,
            Qt.Key.Key_Right: self._at + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(self._bars) - 1,
        }
        target = moves.get(Qt.Key(event.key()))
        if target is None or not self._bars:
            super().keyPressEvent(event)
            return
        self._go_to(min(max(target, 0), len(self._bars) - 1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at a bar."""
        left = self._left()
        if self._bars and event.position().x() >= left:
            width = (self.width() - left) / len(self._bars)
            self._go_to(min(int((event.position().x() - left) / width), len(self._bars) - 1))

    def leaveEvent(self, event: QEvent) -> None:
        """Point at none."""
        if not self.hasFocus():
            self._go_to(-1)
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Point at none."""
        self._go_to(-1)
        super().focusOutEvent(event)

    def _go_to(self, index: int) -> None:
        if index != self._at:
            self._at = index
            self._describe()
            self.update()

    def _describe(self) -> None:
        if 0 <= self._at < len(self._bars):
            self.setAccessibleDescription(self._sentence(self._bars[self._at]))
        else:
            self.setAccessibleDescription("; ".join(self._sentence(bar) for bar in self._bars[-7:]))

    def _sentence(self, bar: Bar) -> str:
        return tr("{when}: {amount}, {jobs} jobs").format(
            when=bar.name, amount=formats.money(bar.msat), jobs=formats.number(bar.jobs)
        )

    def _marks(self) -> tuple[int, ...]:
        return marks(max((bar.msat for bar in self._bars), default=0))

    def _left(self) -> float:
        metrics = QFontMetricsF(self._small())
        return max(metrics.horizontalAdvance(formats.sats(mark)) for mark in self._marks()) + 12

    def _small(self) -> QFont:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        return font

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw axis, bars, labels and the bar that is pointed at."""
        theme = self._appearance.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        if self.is_empty:
            painter.setPen(QColor(theme.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 8, -24, -8), flags, self._empty)
        else:
            self._paint_bars(painter)
        painter.end()

    def _paint_bars(self, painter: QPainter) -> None:
        theme = self._appearance.theme
        painter.setFont(self._small())
        metrics = QFontMetricsF(painter.font())
        line = metrics.height()
        left, top, bottom = self._left(), line + 8, line + 6
        height = self.height() - top - bottom
        scale = self._marks()
        right = QRectF(0, 0, left - 8, line)
        for mark in scale:
            y = top + height - height * mark / scale[-1]
            painter.setPen(QPen(QColor(theme.border), 1, Qt.PenStyle.DotLine if mark else Qt.PenStyle.SolidLine))
            painter.drawLine(QPointF(left, y), QPointF(self.width(), y))
            painter.setPen(QColor(theme.muted))
            painter.drawText(
                right.translated(0, y - line / 2),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                formats.sats(mark),
            )
        width = (self.width() - left) / len(self._bars)
        for index, bar in enumerate(self._bars):
            tall = height * bar.msat / scale[-1]
            box = QRectF(left + (index + GAP) * width, top + height - tall, width * (1 - 2 * GAP), tall)
            shape = QPainterPath()
            shape.addRoundedRect(box, min(ROUND, box.width() / 2), ROUND)
            stands_out = index in {self._at, len(self._bars) - 1}
            painter.fillPath(shape, QColor(theme.accent) if stands_out else mixed(theme.accent, theme.surface, PALE))
        self._paint_axis(painter, metrics, left, width)
        if 0 <= self._at < len(self._bars):
            painter.setPen(QColor(theme.text))
            painter.drawText(
                QRectF(left, 2, self.width() - left - 4, line),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                self._sentence(self._bars[self._at]),
            )

    def _paint_axis(self, painter: QPainter, metrics: QFontMetricsF, left: float, width: float) -> None:
        painter.setPen(QColor(self._appearance.theme.muted))
        free_to = float(self.width())
        # From the right, because the newest bar must have its label; a label that would touch the next is left out.
        for index in reversed(range(len(self._bars))):
            text = self._bars[index].axis
            wide = metrics.horizontalAdvance(text)
            start = min(left + (index + 0.5) * width - wide / 2, self.width() - wide)
            if start + wide <= free_to and start >= left - 4:
                painter.drawText(QPointF(start, self.height() - metrics.descent() - 1), text)
                free_to = start - 18
