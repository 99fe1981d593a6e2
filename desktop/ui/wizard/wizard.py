"""The first run, step by step: back always works, and all but joining can be skipped."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.control.snapshot import Snapshot
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Scrolled
from desktop.ui.parts.label import label
from desktop.ui.parts.screen import resize_within_screen
from desktop.ui.wizard.benchmark import BenchmarkStep
from desktop.ui.wizard.device import DeviceStep
from desktop.ui.wizard.join import JoinStep
from desktop.ui.wizard.phrase import PhraseStep
from desktop.ui.wizard.step import Step
from desktop.ui.wizard.welcome import WelcomeStep
from desktop.ui.wizard.when import WhenStep


class Wizard(QDialog):
    """Steps whose words the node does not know are left out."""

    def __init__(self, house: House, parent: QWidget) -> None:
        super().__init__(parent)
        self._house = house
        self.setWindowTitle(tr("Welcome to Hearth"))
        self.setModal(True)
        resize_within_screen(self, QSize(680, 640))
        words = house.door.words
        kinds = (WelcomeStep, DeviceStep, BenchmarkStep, WhenStep, PhraseStep, JoinStep)
        self.steps: list[Step] = [kind(house) for kind in kinds if kind.needs <= words]
        self._at = 0
        self._count = label("", "caption")
        self._title = label("", "title", wrap=True)
        # Not a stack, which is as large as the largest step: what is not there must not be scrolled through.
        inside = Scrolled()
        inside_column = QVBoxLayout(inside)
        inside_column.setContentsMargins(0, 0, 0, 0)
        for step in self.steps:
            step.hide()
            inside_column.addWidget(step)
            step.changed.connect(self._show_buttons)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        self._back = QPushButton(tr("Back"))
        self._skip = QPushButton(tr("Skip"))
        self._next = QPushButton(tr("Next"))
        self._next.setObjectName("primary")
        self._next.setDefault(True)
        self._back.clicked.connect(lambda: self.go(-1))
        self._skip.clicked.connect(lambda: self.go(+1))
        self._next.clicked.connect(self._forward)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 22, 28, 20)
        column.setSpacing(10)
        column.addWidget(self._count)
        column.addWidget(self._title)
        column.addWidget(scroll, 1)
        row = QHBoxLayout()
        row.addWidget(self._back)
        row.addStretch()
        row.addWidget(self._skip)
        row.addWidget(self._next)
        column.addLayout(row)
        house.door.pictured.connect(self._show_snapshot)
        self.go(0)

    @property
    def step(self) -> Step:
        """The step that is open."""
        return self.steps[self._at]

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing asks again at the next start; nothing was joined."""
        super().closeEvent(event)
        self.deleteLater()

    def go(self, by: int) -> None:
        """Go so many steps on, or back."""
        self.step.forget()
        self.step.hide()
        self._at = min(max(self._at + by, 0), len(self.steps) - 1)
        step = self.step
        step.show()
        self._count.setText(tr("Step {number} of {count}").format(number=self._at + 1, count=len(self.steps)))
        self._title.setText(step.title)
        step.enter()
        if self._house.door.snapshot is not None:
            step.show_snapshot(self._house.door.snapshot)
        self._show_buttons()
        self._next.setFocus()

    def _forward(self) -> None:
        if not self.step.leave():
            return
        if self._at + 1 < len(self.steps):
            self.go(+1)
            return
        self._house.preferences.values.welcomed = True
        self._house.preferences.save()
        self.accept()

    def _show_buttons(self) -> None:
        step = self.step
        self._back.setEnabled(self._at > 0)
        self._skip.setVisible(step.skippable)
        self._next.setText(step.next_words)
        waited = not self._next.isEnabled()
        self._next.setEnabled(step.ready)
        if waited and step.ready:
            # While it could not be pressed the focus went elsewhere; Return shall go on.
            self._next.setFocus()

    def _show_snapshot(self, snapshot: Snapshot, _parts: frozenset[str]) -> None:
        self.step.show_snapshot(snapshot)
