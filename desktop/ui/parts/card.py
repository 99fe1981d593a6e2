"""A number with its name and a remark; several of them in a row that breaks when it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.formats import UNKNOWN
from desktop.ui.parts.label import Style, label, restyle

SPACING: Final = 12


class Card(QFrame):
    """One number. Screen readers hear name, number, unit and remark as one sentence."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._title = label(title, "caption")
        self._value = label(UNKNOWN, "value")
        self._unit = label("", "unit")
        self._note = label("", "hint", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._value, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self._unit, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addStretch()
        column.addWidget(self._title)
        column.addLayout(row)
        column.addWidget(self._note)
        column.addStretch()

    def show_value(self, value: str, unit: str = "", note: str = "", note_style: Style = "hint") -> None:
        """Show a number; what did not change is not touched."""
        for part, text in ((self._value, value), (self._unit, unit), (self._note, note)):
            if part.text() != text:
                part.setText(text)
        self._unit.setVisible(bool(unit))
        restyle(self._note, note_style)
        self.setAccessibleName(f"{self._title.text()}: {value} {unit}. {note}")

    def rename(self, title: str) -> None:
        """Give the number another name."""
        if self._title.text() != title:
            self._title.setText(title)


class CardRow(QWidget):
    """Cards side by side, as many as fit."""

    def __init__(self, cards: Sequence[Card], *, least_width: int = 158) -> None:
        super().__init__()
        self._cards = list(cards)
        self._least_width = least_width
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACING)
        self._arrange(len(self._cards))

    def minimumSizeHint(self) -> QSize:
        """As narrow as one card."""
        return QSize(self._least_width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break into rows that are as even as can be."""
        width = event.size().width() + SPACING
        needs = [max(self._least_width, card.minimumSizeHint().width()) + SPACING for card in self._cards]
        fits = len(needs) if sum(needs) <= width else max(1, width // max(needs))
        rows = -(-len(needs) // fits)
        self._arrange(-(-len(needs) // rows))
        super().resizeEvent(event)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        for column in range(max(columns, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for index, card in enumerate(self._cards):
            self._grid.addWidget(card, index // columns, index % columns)
