"""What every place of the window has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from desktop.control.snapshot import Snapshot
from desktop.ui.door import Door
from desktop.ui.login import LoginSwitch
from desktop.ui.preferences import PreferencesFile
from desktop.ui.theme import Appearance


@dataclass(frozen=True, slots=True)
class House:
    """What pages are built with. `now_ms` is the clock, `at_login` starts Hearth when its owner logs in."""

    door: Door
    appearance: Appearance
    preferences: PreferencesFile
    now_ms: Callable[[], int]
    at_login: LoginSwitch | None = None


class Scrolled(QWidget):
    """What is inside a place that scrolls: as tall as its lines are at the width there is."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("scrolled")

    def minimumSizeHint(self) -> QSize:
        """No height of its own: the layout's, for the width there is, is what counts."""
        return QSize(super().minimumSizeHint().width(), 0)


class Page(QScrollArea):
    """A place: a column that scrolls when the window is small. `needs` are the words without which it is absent."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = Scrolled()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(24, 4, 24, 18)
        self.column.setSpacing(14)
        self.setWidget(inside)

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show what changed; called for every change while the page is open, and with all parts when it opens."""

    def enter(self) -> None:
        """The page opens: ask for what the snapshot does not carry."""
