"""Names with their values, one below the other."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop.ui.parts.label import label
from desktop.ui.parts.long_id import LongId


class Facts(QWidget):
    """`show_facts` updates in place as long as the names stay the same."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._values: dict[str, QLabel | LongId] = {}
        self._long: frozenset[str] = frozenset()

    def show_facts(self, facts: Iterable[tuple[str, str]], *, long: Iterable[str] = ()) -> None:
        """Show name and value pairs; those named by `long` are keys or digests without a place to break."""
        self._long = frozenset(long)
        shown = dict(facts)
        if list(shown) != list(self._values):
            self._rebuild(list(shown))
        for name, value in shown.items():
            field = self._values[name]
            if field.text() != value:
                field.setText(value)
                field.setAccessibleName(f"{name}: {value}")

    def _rebuild(self, names: list[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self._values = {}
        for row, name in enumerate(names):
            long = name in self._long
            self._values[name] = LongId() if long else label("", wrap=True, selectable=True)
            self._grid.addWidget(label(name, "hint"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(self._values[name], row, 1)
