"""The node's settings as they are declared, and the few that concern the window alone."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.control.answers import Refusal, Result, SettingsAnswer, SettingSheet
from desktop.control.messages import ReadSettings
from desktop.control.snapshot import Snapshot
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.price_table import PriceTable
from desktop.ui.pages.setting_field import SettingField
from desktop.ui.pages.update_panel import UpdatePanel
from desktop.ui.pages.window_panel import WindowPanel
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

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
        self.column.addWidget(WindowPanel(house))
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
            self.column.insertWidget(1, self._updates)
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
