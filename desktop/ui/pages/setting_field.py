"""One setting of the node with the editor that fits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, SettingSheet
from desktop.control.messages import WriteSetting
from desktop.domain.schedule import Schedule
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.choice import Check
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.label import label
from desktop.ui.parts.when import WhenChoice

YES: Final = "true"
FEWEST_LINES: Final = 2
MOST_LINES: Final = 7
AROUND_LINES: Final = 20  # border, padding, and the document's own margin
AT_ONCE: Final = "computer"  # the group whose settings the running node follows as they are written
SEVERAL: Final = "list"
TABLES: Final = "electricity by the hour"
NO_TABLES: Final = "[]"
NUMBER: Final = "number"
NARROW: Final = 200
WIDE: Final = 420
SOME_CHARACTERS: Final = 12


class LinesField(QPlainTextEdit):
    """A list, one item a line; what was typed is written when the field is left."""

    def __init__(self, text: str, write: Callable[[str], None]) -> None:
        super().__init__(text)
        self._write = write
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.blockCountChanged.connect(self._fit)
        self._fit(self.blockCount())

    def _fit(self, lines: int) -> None:
        """Room for what is there and one line more."""
        shown = min(max(lines + 1, FEWEST_LINES), MOST_LINES)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * shown + AROUND_LINES)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Write it."""
        super().focusOutEvent(event)
        self._write(self.toPlainText())


class SettingField(QWidget):
    """One setting of the node: its sentence, its value, and a remark when writing it failed or needs a restart."""

    def __init__(self, sheet: SettingSheet, house: House, *, writable: bool) -> None:
        super().__init__()
        self._sheet = sheet
        self._value = sheet.value
        self._house = house
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._remark = label("", "hint", wrap=True)
        editor = self._editor(sheet)
        editor.setEnabled(writable)
        editor.setAccessibleName(tr(sheet.sentence))
        if not isinstance(editor, Check):
            column.addWidget(label(tr(sheet.sentence), "hint", wrap=True))
        column.addWidget(editor)
        column.addWidget(self._remark)
        self._remark.hide()

    def _editor(self, sheet: SettingSheet) -> QWidget:
        if sheet.type == "switch":
            box = Check(tr(sheet.sentence))
            box.setChecked(sheet.value == YES)
            box.toggled.connect(lambda on: self._write(YES if on else "false"))
            return box
        if sheet.type == "week":
            when = WhenChoice(self._house.appearance)
            when.show_schedule(Schedule.parse(sheet.value))
            when.chosen.connect(self._write)
            return when
        if sheet.choices:
            return self._choice(sheet)
        if sheet.type.startswith(SEVERAL):
            return LinesField(sheet.value, self._write)
        if sheet.type == TABLES:
            tables = LinesField("" if sheet.value == NO_TABLES else sheet.value, self._write_tables)
            tables.setPlaceholderText(tr(sheet.allowed))
            return tables
        line = QLineEdit(sheet.value)
        line.setPlaceholderText(sheet.default)
        if sheet.type == NUMBER:
            line.setMaximumWidth(NARROW)
        line.editingFinished.connect(lambda: self._write(line.text()))
        return line

    def _choice(self, sheet: SettingSheet) -> DropDown:
        choice = DropDown()
        for word in sheet.choices:
            choice.addItem(wording.choice_words(word), word)
        choice.setCurrentIndex(max(0, choice.findData(sheet.value)))
        choice.setMaximumWidth(WIDE)
        # The longest choice must not make the page wider than a small window; the list itself shows all of it.
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        choice.setMinimumContentsLength(SOME_CHARACTERS)
        choice.currentIndexChanged.connect(lambda place: self._write(choice.itemData(place)))
        return choice

    def _write_tables(self, text: str) -> None:
        self._write(text if text.strip() else NO_TABLES)

    def _write(self, value: str) -> None:
        if value == self._value:
            return

        def written(_: Result) -> None:
            self._value = value
            at_once = self._sheet.group == AT_ONCE
            self._say(tr("Saved. It counts at once.") if at_once else saved_words())

        def refused(refusal: Refusal) -> None:
            self._say(wording.refusal_words(refusal))

        self._house.door.ask(
            lambda number: WriteSetting(id=number, name=self._sheet.name, value=value), written, refused
        )

    def _say(self, words: str) -> None:
        self._remark.setText(words)
        self._remark.show()


def saved_words() -> str:
    """What is said of a setting that the running node does not follow."""
    return tr("Saved. It counts from the next start of Hearth.")
