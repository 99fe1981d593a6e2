"""A title with controls at its right, or below it where both do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop.ui.parts.label import label

SPACING = 8


class Head(QWidget):
    """One line where there is room, two where there is not."""

    def __init__(self, title: str, controls: Sequence[QWidget]) -> None:
        super().__init__()
        self._title = label(title, "section", wrap=True)
        self._controls = QWidget()
        row = QHBoxLayout(self._controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for control in controls:
            row.addWidget(control)
        self._controls.setVisible(bool(controls))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACING)
        self._grid.setColumnStretch(0, 1)
        self._two_lines: bool | None = None
        self._arrange(two_lines=False)

    def minimumSizeHint(self) -> QSize:
        """As narrow as the wider of the two."""
        width = max(self._title.minimumSizeHint().width(), self._width_of_controls())
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break, or not."""
        self._arrange(two_lines=self._width_of_title() + SPACING + self._width_of_controls() > event.size().width())
        super().resizeEvent(event)

    def _width_of_title(self) -> int:
        return self._title.fontMetrics().horizontalAdvance(self._title.text())

    def _width_of_controls(self) -> int:
        return 0 if self._controls.isHidden() else self._controls.minimumSizeHint().width()

    def _arrange(self, *, two_lines: bool) -> None:
        if two_lines == self._two_lines:
            return
        self._two_lines = two_lines
        middle, left = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignLeft
        self._grid.addWidget(self._title, 0, 0, middle)
        if two_lines:
            self._grid.addWidget(self._controls, 1, 0, 1, 2, left)
        else:
            self._grid.addWidget(self._controls, 0, 1, middle)
