"""The node's settings as they are declared, and the few that concern the window alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, SettingsAnswer, SettingSheet
from desktop.control.messages import ReadSettings
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import HearthError
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.login import LoginSwitch
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.price_table import PriceTable
from desktop.ui.pages.setting_field import SettingField
from desktop.ui.pages.update_panel import UpdatePanel
from desktop.ui.parts.choice import Check
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

THEMES: Final = ("system", "light", "dark")
LANGUAGES: Final = ("system", "en", "de")
# What an owner asks for first comes first.
ORDER: Final = {
    group: place for place, group in enumerate(("computer", "money", "work", "node", "network", "updates", "http"))
}
PRICES: Final = "prices by model"
# The usual price is the first line of the prices; what a device may do is on the page Devices.
ELSEWHERE: Final = frozenset({"price", "limits by device", "list of devices"})


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
        self._updates = UpdatePanel(house.door, house.now_ms) if "update" in house.door.words else None
        if self._updates is not None:
            self.column.addWidget(self._updates)
        self.column.addStretch(1)
        self._shown: tuple[SettingSheet, ...] = ()
        self._waiting: list[list[SettingSheet]] = []
        self._next_group = QTimer(self, singleShot=True, interval=0)
        self._next_group.timeout.connect(self._build_next)

    def enter(self) -> None:
        """Read the node's settings."""
        if "settings" in self._house.door.words:
            self._house.door.ask(lambda number: ReadSettings(id=number), self._show, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._notice.setText(wording.refusal_words(refusal))
        self._notice.show()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show how it stands with new versions."""
        if self._updates is not None and parts & {"renewal", "node"}:
            self._updates.show_renewal(snapshot.renewal, snapshot.node.version)

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
        sheets_in_order = sorted(answer.settings, key=lambda sheet: ORDER.get(sheet.group, len(ORDER)))
        self._waiting = [list(sheets) for _, sheets in groupby(sheets_in_order, key=lambda sheet: sheet.group)]
        self._build_next()

    def _build_next(self) -> None:
        """One group in each turn of the loop: all at once would keep the window from answering for a moment."""
        if not self._waiting:
            return
        sheets = self._waiting.pop(0)
        writable = "set" in self._house.door.words
        panel = Panel(group_name(sheets[0].group))
        panel.body.setSpacing(14)
        for sheet in sheets:
            if sheet.type == PRICES:
                panel.body.addWidget(PriceTable(sheet, self._shown, self._house, writable=writable))
            elif sheet.type not in ELSEWHERE:
                panel.body.addWidget(SettingField(sheet, self._house, writable=writable))
        self._list.addWidget(panel)
        self._next_group.start()

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

        def update(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_update = on
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
            (tr("Tell me when a new version is there or was installed"), values.notify_update, update),
        ):
            box = Check(text)
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
        self._box = Check(tr("Start Hearth in the tray when I log in"))
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
    box = DropDown()
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
        "updates": tr("Updates"),
        "http": tr("Web server"),
    }
    return names.get(group, group)
