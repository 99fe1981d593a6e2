"""The recovery phrase: shown, written down by hand, and confirmed by three of its words."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom
from typing import ClassVar, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QGridLayout, QLabel, QLineEdit, QStackedLayout, QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, TextAnswer
from desktop.control.messages import ReadPhrase
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.wizard.step import Step

ASKED: Final = 3
COLUMNS: Final = 3
FIGURE_SPACE: Final = "\u2007"  # as wide as a digit


def three_places(count: int) -> tuple[int, ...]:
    """Three places of a phrase of so many words, ascending."""
    return tuple(sorted(SystemRandom().sample(range(count), ASKED)))


class PhraseStep(Step):
    """Two faces: the words, then the question. Going back shows the words again."""

    needs: ClassVar[frozenset[str]] = frozenset({"phrase"})

    def __init__(self, house: House, places: Callable[[int], tuple[int, ...]] = three_places) -> None:
        super().__init__(tr("Your recovery phrase"))
        self._house = house
        self._places = places
        self._words: list[str] = []
        self._asked: tuple[int, ...] = ()
        self._fields: list[QLineEdit] = []
        self.skippable = True
        holder = QWidget()
        self._faces = QStackedLayout(holder)
        self._faces.addWidget(self._showing())
        self._faces.addWidget(self._asking())
        self.column.addWidget(holder)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Fetch the words; they are forgotten when the step is left."""
        self._faces.setCurrentIndex(0)
        self._house.door.ask(lambda number: ReadPhrase(id=number), self._show, self._refuse)

    def leave(self) -> bool:
        """First to the question, then on, if the answers are right."""
        if self._faces.currentIndex() == 0:
            if not self._words:
                return True
            self._ask()
            return False
        typed = [field.text().strip().lower() for field in self._fields]
        right = typed == [self._words[place] for place in self._asked]
        if right:
            return True
        self._verdict.setText(tr("✕ These are not the words. Compare them with what you wrote down."))
        self._faces.setCurrentIndex(1)
        return False

    def forget(self) -> None:
        """Keep no word on the screen or in memory."""
        self._words = []
        self._clear()
        for field in self._fields:
            field.clear()

    def _showing(self) -> QWidget:
        face = QWidget()
        column = QVBoxLayout(face)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(
            label(
                tr(
                    "These words are your money and your name on the network. Write them down on paper, in this order."
                    " Whoever has them has your money; without them it is lost with this computer."
                ),
                wrap=True,
            )
        )
        self._panel = Panel(tr("Write this down"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(8)
        self._panel.body.addLayout(self._grid)
        column.addWidget(self._panel)
        column.addStretch(1)
        return face

    def _asking(self) -> QWidget:
        face = QWidget()
        column = QVBoxLayout(face)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(label(tr("Type three of the words, to be sure they are on your paper."), wrap=True))
        self._form = QFormLayout()
        column.addLayout(self._form)
        self._verdict = label("", "bad", wrap=True)
        column.addWidget(self._verdict)
        column.addStretch(1)
        return face

    def _show(self, answer: Result) -> None:
        if not isinstance(answer, TextAnswer):
            return
        self._words = answer.text.split()
        self._clear()
        rows = -(-len(self._words) // COLUMNS)
        for number, word in enumerate(self._words):
            shown = label(f"{str(number + 1).rjust(2, FIGURE_SPACE)}  {word}", "strong")
            shown.setAccessibleName(tr("Word {number}: {word}").format(number=number + 1, word=word))
            self._grid.addWidget(shown, number % rows, number // rows)
        self.changed.emit()

    def _clear(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if isinstance(old := item.widget(), QLabel):
                old.clear()
                old.setAccessibleName("")
                old.deleteLater()

    def _ask(self) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        self._asked = self._places(len(self._words))
        self._fields = []
        for place in self._asked:
            field = QLineEdit()
            name = tr("Word {number}").format(number=place + 1)
            field.setAccessibleName(name)
            field.setInputMethodHints(Qt.InputMethodHint.ImhNoPredictiveText | Qt.InputMethodHint.ImhNoAutoUppercase)
            self._fields.append(field)
            self._form.addRow(label(name, "hint"), field)
        self._verdict.setText("")
        self._faces.setCurrentIndex(1)
        self._fields[0].setFocus()

    def _refuse(self, refusal: Refusal) -> None:
        self._words = []
        self._clear()
        self._grid.addWidget(label(wording.refusal_words(refusal), wrap=True), 0, 0)
