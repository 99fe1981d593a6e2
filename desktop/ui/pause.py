"""The one main button: Pause with its choices, or Resume."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton

from desktop.control.messages import AnyRequest, Pause, Resume
from desktop.control.snapshot import Snapshot, Status
from desktop.domain.node_state import NodeState
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House

Tell = Callable[[str], None]
HOUR_MS: Final = 3_600_000


def may_resume(status: Status) -> bool:
    """Whether Resume is what the owner can do now."""
    return status.finishing or status.state in {NodeState.PAUSED, NodeState.FAULT}


def tomorrow_ms(now_ms: int) -> int:
    """Six in the morning of the next local day."""
    tomorrow = datetime.fromtimestamp(now_ms / 1000) + timedelta(days=1)  # noqa: DTZ006 - the owner's own time zone
    return round(tomorrow.replace(hour=6, minute=0, second=0, microsecond=0).timestamp() * 1000)


def ask_node(house: House, make: Callable[[int], AnyRequest], tell: Tell) -> None:
    """Ask the node to pause or resume; `tell` hears why it does not, or an empty sentence when it does."""
    house.door.ask(make, lambda _: tell(""), lambda refusal: tell(wording.refusal_words(refusal)))


def fill_pause_menu(menu: QMenu, house: House, tell: Tell) -> None:
    """The ways to pause; the same in window and tray."""

    def add(text: str, make: Callable[[int], AnyRequest]) -> None:
        action = QAction(text, menu)
        action.triggered.connect(lambda: ask_node(house, make, tell))
        menu.addAction(action)

    add(tr("For 1 hour"), lambda number: Pause(id=number, until_ms=house.now_ms() + HOUR_MS))
    add(tr("Until tomorrow, 6:00"), lambda number: Pause(id=number, until_ms=tomorrow_ms(house.now_ms())))
    add(tr("Finish the running jobs, then pause"), lambda number: Pause(id=number, finish_first=True))
    add(tr("Until I resume"), lambda number: Pause(id=number))


class PauseButton(QPushButton):
    """Shows a menu of ways to pause while working, and resumes with one click while paused.

    `answered` carries why the node did not do it, or an empty sentence when it did.
    """

    answered = Signal(str)

    def __init__(self, house: House) -> None:
        super().__init__()
        self.setObjectName("primary")
        self._house = house
        self._menu = QMenu(self)
        fill_pause_menu(self._menu, house, self.answered.emit)
        self._resumes = False
        self.clicked.connect(self.press)
        self._name()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Offer what can be done now."""
        self._resumes = may_resume(snapshot.status)
        self._name()

    def press(self) -> None:
        """Resume, or open the menu."""
        if not self.isEnabled():
            return
        if self._resumes:
            ask_node(self._house, lambda number: Resume(id=number), self.answered.emit)
        else:
            self._menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def _name(self) -> None:
        self.setText(tr("Resume") if self._resumes else tr("Pause ▾"))
        self.setAccessibleName(tr("Resume") if self._resumes else tr("Pause"))
