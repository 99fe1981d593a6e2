"""The node's settings as they are declared, and the few that concern the window alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, SettingsAnswer, SettingSheet
from desktop.control.messages import ReadSettings, WriteSetting
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

THEMES: Final = ("system", "light", "dark")
LANGUAGES: Final = ("system", "en", "de")
YES: Final = "yes"


class SettingsPage(Page):
    """Every control writes at once; what the node refuses is said beside it."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Settings"))
        self._house = house
        self.column.addWidget(self._window_panel())
        self._panel = Panel(tr("Work"))
        self._panel.hide()
        self._notice = label("", "warn", wrap=True)
        self._panel.body.addWidget(self._notice)
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(12)
        self._panel.body.addWidget(holder)
        self.column.addWidget(self._panel)
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
        self._panel.setVisible(bool(answer.settings))
        if answer.settings == self._shown:
            return
        self._shown = answer.settings
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for sheet in answer.settings:
            self._list.addWidget(SettingField(sheet, self._house, writable="set" in self._house.door.words))

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
        return panel


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


class SettingField(QWidget):
    """One setting of the node: its sentence, its value, and a remark when writing it failed or needs a restart."""

    def __init__(self, sheet: SettingSheet, house: House, *, writable: bool) -> None:
        super().__init__()
        self._sheet = sheet
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
            box.toggled.connect(lambda on: self._write(YES if on else "no"))
            return box
        if sheet.choices:
            choice = QComboBox()
            choice.addItems(sheet.choices)
            choice.setCurrentText(sheet.value)
            choice.setMaximumWidth(320)
            choice.currentTextChanged.connect(self._write)
            return choice
        line = QLineEdit(sheet.value)
        line.setPlaceholderText(sheet.default)
        line.editingFinished.connect(lambda: self._write(line.text()))
        return line

    def _write(self, value: str) -> None:
        if value == self._sheet.value:
            return

        def written(_: Result) -> None:
            self._say(tr("Saved. It counts from the next start of Hearth."))

        def refused(refusal: Refusal) -> None:
            self._say(" ".join(part for part in (refusal.what, refusal.why, refusal.now) if part))

        self._house.door.ask(
            lambda number: WriteSetting(id=number, name=self._sheet.name, value=value), written, refused
        )

    def _say(self, words: str) -> None:
        self._remark.setText(words)
        self._remark.show()
