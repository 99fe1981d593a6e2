"""A choice of one among a few, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget


class Segments(QWidget):
    """`chosen` carries the index; arrow keys and Tab reach every segment."""

    chosen = Signal(int)

    def __init__(self, name: str, choices: Sequence[str], *, start: int = 0) -> None:
        super().__init__()
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        for index, choice in enumerate(choices):
            button = QPushButton(choice)
            button.setObjectName("segment")
            button.setCheckable(True)
            button.setChecked(index == start)
            button.setAccessibleName(f"{name}: {choice}")
            self._group.addButton(button, index)
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self._group.idClicked.connect(self.chosen)

    @property
    def current(self) -> int:
        """The index that is chosen."""
        return self._group.checkedId()

    def choose(self, index: int) -> None:
        """Show another choice; tells nobody."""
        self._group.button(index).setChecked(True)
