"""What the steps of the first run have in common."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.control.snapshot import Snapshot
from desktop.ui.language import tr


class Step(QWidget):
    """`changed` is emitted when `ready`, `skippable` or `next_words` may be another."""

    needs: ClassVar[frozenset[str]] = frozenset()
    changed = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("scrolled")
        self.title = title
        self.ready = True
        self.skippable = False
        self.next_words = tr("Next")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 6, 12, 6)
        self.column.setSpacing(12)

    def enter(self) -> None:
        """The step opens."""

    def leave(self) -> bool:
        """Next was pressed; False stays here."""
        return True

    def forget(self) -> None:
        """The step was left, whichever way."""

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """The picture of the node is another."""
