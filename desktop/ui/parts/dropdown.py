"""A choice that opens downwards, drawn as the other fields are."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QComboBox, QStyledItemDelegate

RIGHT: Final = 18
WIDE: Final = 8
DEEP: Final = 4


class DropDown(QComboBox):
    """A list of which one entry shows. A style sheet that gives it a border takes its arrow, so that is drawn here."""

    def __init__(self) -> None:
        super().__init__()
        # The system's own delegate paints entries as those of a menu, whatever the style sheet says.
        self.setItemDelegate(QStyledItemDelegate(self))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field, and the arrow over it."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText), 1.6)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        left, top = self.width() - RIGHT, (self.height() - DEEP) / 2
        points = (QPointF(left, top), QPointF(left + WIDE / 2, top + DEEP), QPointF(left + WIDE, top))
        painter.drawPolyline(points)
        painter.end()
