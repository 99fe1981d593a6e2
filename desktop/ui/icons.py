"""The icon: a flame in a hearth. In the tray its shape says the state, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from desktop.ui.wording import Mood

SIZES: Final = (16, 22, 24, 32, 48, 64, 128)
# Seen on light and on dark panels alike: at least 3:1 against both.
EMBER: Final = "#D9691A"
STONE: Final = "#7C8594"
ALERT: Final = "#D64545"
_GRID: Final = 64.0


def app_icon() -> QIcon:
    """The icon of the application."""
    return _icon(lambda painter: _draw_hearth(painter, QColor(EMBER), filled=True))


def tray_icon(mood: Mood) -> QIcon:
    """Burning, waiting (an outline), paused (two bars) or not working (a stroke across)."""

    def draw(painter: QPainter) -> None:
        colour = QColor(EMBER if mood is Mood.EARNING else ALERT if mood is Mood.OFF else STONE)
        if mood is Mood.PAUSED:
            _draw_arch(painter, colour)
            for x in (24.0, 34.0):
                painter.fillRect(QRectF(x, 28, 6, 22), colour)
            return
        _draw_hearth(painter, colour, filled=mood is Mood.EARNING)
        if mood is Mood.OFF:
            painter.setPen(QPen(colour, 6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(10, 56), QPointF(54, 10))

    return _icon(draw)


def _icon(draw: Callable[[QPainter], None]) -> QIcon:
    icon = QIcon()
    for size in SIZES:
        pixels = QPixmap(size, size)
        pixels.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixels)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / _GRID, size / _GRID)
        draw(painter)
        painter.end()
        icon.addPixmap(pixels)
    return icon


def _draw_arch(painter: QPainter, colour: QColor) -> None:
    arch = QPainterPath(QPointF(9, 57))
    arch.lineTo(9, 29)
    arch.cubicTo(9, 3, 55, 3, 55, 29)
    arch.lineTo(55, 57)
    arch.closeSubpath()
    painter.strokePath(arch, QPen(colour, 6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))


def _draw_hearth(painter: QPainter, colour: QColor, *, filled: bool) -> None:
    _draw_arch(painter, colour)
    flame = QPainterPath(QPointF(33, 18))
    flame.cubicTo(36, 27, 46, 31, 44, 42)
    flame.cubicTo(43, 52, 21, 52, 20, 42)
    flame.cubicTo(19, 35, 25, 33, 26, 27)
    flame.cubicTo(29, 30, 33, 26, 33, 18)
    if filled:
        painter.fillPath(flame, colour)
    else:
        painter.strokePath(flame, QPen(colour, 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
