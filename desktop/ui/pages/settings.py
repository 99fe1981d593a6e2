"""The node's settings as they are declared, and the few that concern the window alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Final

from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, SettingsAnswer, SettingSheet
from desktop.control.messages import ReadSettings, WriteSetting
from desktop.domain.errors import HearthError
from desktop.ui.language import tr
from desktop.ui.login import LoginSwitch
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

THEMES: Final = ("system", "light", "dark")
LANGUAGES: Final = ("system", "en", "de")
YES: Final = "true"
LINES: Final = 4


class SettingsPage(Page):
    """Every control writes at once; what the node refuses is said beside it."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Settings"))
        self._house = house
        self.column.addWidget(self._window_panel())
        self._notice = label("", "warn", wrap=True)
        self._notice.hide()
        self.column.addWidget(self._notice)
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(14)
        self.column.addWidget(holder)
        self.column.addStretch(1)
        self._shown: tuple[SettingSheet, ...] = ()

    def enter(self) -> None:
        """Read the node's settings."""
        if "settings" in self._house.door.words:
            self._house.door.ask(lambda number: ReadSettings(id=number), self._show)

    def _show(self, answer: Result) -> None:
        if not isinstance(answer, SettingsAnswer):
            return
        self._notice.setText(answer.notice)
        self._notice.setVisible(bool(answer.notice))
        if answer.settings == self._shown:
            return
        self._shown = answer.settings
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        writable = "set" in self._house.door.words
        for group, sheets in groupby(answer.settings, key=lambda sheet: sheet.group):
            panel = Panel(group_name(group))
            panel.body.setSpacing(14)
            for sheet in sheets:
                panel.body.addWidget(SettingField(sheet, self._house, writable=writable))
            self._list.addWidget(panel)

    def _window_panel(self) -> Panel:
        values, file = self._house.preferences.values, self._house.preferences
        panel = Panel(tr("Window"))

        def theme(index: int) -> None:
            values.theme = THEMES[index]
            file.save()
            self._house.appearance.choose(values.theme)

        def language(index: int) -> None:
            values.language = LANGUAGES[index]
            file.save()

        def first(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_first_job = on
            file.save()

        def trouble(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_trouble = on
            file.save()

        looks = (tr("As the system"), tr("Light"), tr("Dark"))
        panel.body.addWidget(_choice(tr("Look"), looks, THEMES.index(values.theme), theme))
        tongues = (tr("As the system"), "English", "Deutsch")
        panel.body.addWidget(
            _choice(
                tr("Language, from the next start of the window"), tongues, LANGUAGES.index(values.language), language
            )
        )
        for text, on, act in (
            (tr("Tell me when the first job is paid"), values.notify_first_job, first),
            (tr("Tell me when Hearth has stopped and needs me"), values.notify_trouble, trouble),
        ):
            box = QCheckBox(text)
            box.setChecked(on)
            box.toggled.connect(act)
            panel.body.addWidget(box)
        if self._house.at_login is not None:
            panel.body.addWidget(LoginBox(self._house.at_login))
        return panel


class LoginBox(QWidget):
    """Start with the owner's session, or not; what the system refuses is said below."""

    def __init__(self, at_login: LoginSwitch) -> None:
        super().__init__()
        self._at_login = at_login
        self._box = QCheckBox(tr("Start Hearth in the tray when I log in"))
        self._words = label("", "warn", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._box)
        column.addWidget(self._words)
        self._words.hide()
        self.look()
        self._box.clicked.connect(self._switch)

    def look(self) -> None:
        """Show what is so now."""
        try:
            self._box.setChecked(self._at_login.is_on())
        except HearthError as error:
            self._say(error)

    def _switch(self, on: bool) -> None:  # noqa: FBT001 - Qt's signature
        self._words.hide()
        try:
            self._at_login.switch(on=on)
        except HearthError as error:
            self._say(error)
        self._box.setChecked(on if self._words.isHidden() else not on)

    def _say(self, error: HearthError) -> None:
        self._words.setText(" ".join(part for part in (error.what, error.why, error.now) if part))
        self._words.show()


def _choice(name: str, choices: tuple[str, ...], start: int, chosen: Callable[[int], None]) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(label(name, "hint", wrap=True))
    box = QComboBox()
    box.addItems(choices)
    box.setCurrentIndex(max(0, start))
    box.setAccessibleName(name)
    box.setMaximumWidth(320)
    box.currentIndexChanged.connect(chosen)
    column.addWidget(box)
    return holder


def group_name(group: str) -> str:
    """What a group of settings is called."""
    names = {
        "node": tr("This node"),
        "work": tr("Work"),
        "computer": tr("This computer"),
        "money": tr("Money"),
        "network": tr("Network"),
        "http": tr("Web server"),
    }
    return names.get(group, group)


class LinesField(QPlainTextEdit):
    """A list, one item a line; what was typed is written when the field is left."""

    def __init__(self, text: str, write: Callable[[str], None]) -> None:
        super().__init__(text)
        self._write = write
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * LINES + 22)

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
        if not isinstance(editor, QCheckBox):
            column.addWidget(label(tr(sheet.sentence), "hint", wrap=True))
        column.addWidget(editor)
        column.addWidget(self._remark)
        self._remark.hide()

    def _editor(self, sheet: SettingSheet) -> QWidget:
        if sheet.type == "switch":
            box = QCheckBox(tr(sheet.sentence))
            box.setChecked(sheet.value == YES)
            box.toggled.connect(lambda on: self._write(YES if on else "false"))
            return box
        if sheet.choices:
            choice = QComboBox()
            choice.addItems(sheet.choices)
            choice.setCurrentText(sheet.value)
            choice.setMaximumWidth(320)
            choice.currentTextChanged.connect(self._write)
            return choice
        if sheet.type.startswith("list"):
            return LinesField(sheet.value, self._write)
        line = QLineEdit(sheet.value)
        line.setPlaceholderText(sheet.default)
        line.editingFinished.connect(lambda: self._write(line.text()))
        return line

    def _write(self, value: str) -> None:
        if value == self._value:
            return

        def written(_: Result) -> None:
            self._value = value
            self._say(tr("Saved. It counts from the next start of Hearth."))

        def refused(refusal: Refusal) -> None:
            self._say(" ".join(part for part in (refusal.what, refusal.why, refusal.now) if part))

        self._house.door.ask(
            lambda number: WriteSetting(id=number, name=self._sheet.name, value=value), written, refused
        )

    def _say(self, words: str) -> None:
        self._remark.setText(words)
        self._remark.show()
