"""The icon in the tray: the state by its shape, the day's earnings, and how to stop."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.control.messages import Resume
from desktop.control.snapshot import Snapshot
from desktop.ui import wording
from desktop.ui.door import Link
from desktop.ui.icons import tray_icon
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.pause import ask_node, fill_pause_menu, may_resume
from desktop.ui.wording import Mood

LOOK_AGAIN_MS: Final = 3000


class Tray(QObject):
    """Made when a host is there, and again when one appears later: Qt chooses its way to the host only once.

    `answered` carries why the node did not pause or resume, or an empty sentence when it did.
    """

    open_asked = Signal()
    settings_asked = Signal()
    quit_asked = Signal()
    appeared = Signal()
    answered = Signal(str)

    def __init__(self, house: House, parent: QObject) -> None:
        super().__init__(parent)
        self._house = house
        self._icon: QSystemTrayIcon | None = None
        self._mood: Mood | None = None
        self._menu = QMenu()
        self._first = QAction("Hearth", self._menu)
        self._first.setEnabled(False)
        self._open = QAction(tr("Open Hearth"), self._menu)
        self._open.triggered.connect(self.open_asked)
        self._pause = QMenu(tr("Pause"), self._menu)
        fill_pause_menu(self._pause, house, self.answered.emit)
        self._resume = QAction(tr("Resume"), self._menu)
        self._resume.triggered.connect(lambda: ask_node(house, lambda number: Resume(id=number), self.answered.emit))
        settings = QAction(tr("Settings"), self._menu)
        settings.triggered.connect(self.settings_asked)
        leave = QAction(tr("Quit Hearth"), self._menu)
        leave.triggered.connect(self.quit_asked)
        self._menu.addAction(self._first)
        self._menu.addSeparator()
        self._menu.addAction(self._open)
        self._menu.addMenu(self._pause)
        self._menu.addAction(self._resume)
        self._menu.addAction(settings)
        self._menu.addSeparator()
        self._menu.addAction(leave)
        house.door.pictured.connect(self._show_snapshot)
        house.door.link_changed.connect(self._show_link)
        self._look = QTimer(self, interval=LOOK_AGAIN_MS)
        self._look.timeout.connect(self._appear)
        self._appear()
        self._show_link()

    @property
    def is_there(self) -> bool:
        """Whether somebody shows the icon."""
        return self._icon is not None

    def notify(self, title: str, words: str) -> None:
        """Show a notification, if there is a way to."""
        if self._icon is not None:
            self._icon.showMessage(title, words, tray_icon(self._mood or Mood.READY))

    def close(self) -> None:
        """Take the icon away."""
        self._look.stop()
        if self._icon is not None:
            self._icon.hide()
        self._menu.deleteLater()

    def _appear(self) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            self._look.start()
            return
        self._look.stop()
        self._icon = QSystemTrayIcon(tray_icon(self._mood or Mood.READY), self)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        self._icon.setToolTip(self._first.text())
        self._icon.show()
        self.appeared.emit()

    def _activated(self, why: QSystemTrayIcon.ActivationReason) -> None:
        if why in {QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick}:
            self.open_asked.emit()

    def _show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        if not parts & {"status", "today", "models"}:
            return
        line = wording.tray_line(snapshot)
        if line != self._first.text():
            self._first.setText(line)
            if self._icon is not None:
                self._icon.setToolTip(wording.status_line(snapshot, self._house.now_ms()) + "\n" + line)
        self._show_mood(wording.mood_now(snapshot.status.state) or Mood.READY)
        resumes = may_resume(snapshot.status)
        self._pause.menuAction().setVisible(not resumes)
        self._resume.setVisible(resumes)

    def _show_link(self) -> None:
        connected = self._house.door.link is Link.CONNECTED
        self._pause.setEnabled(connected)
        self._resume.setEnabled(connected)
        if not connected:
            self._resume.setVisible(False)
            self._first.setText(tr("Reconnecting…") if self._house.door.link is Link.LOST else tr("Starting Hearth…"))
            if self._icon is not None:
                self._icon.setToolTip(self._first.text())

    def _show_mood(self, mood: Mood) -> None:
        if mood is not self._mood:
            self._mood = mood
            if self._icon is not None:
                self._icon.setIcon(tray_icon(mood))
