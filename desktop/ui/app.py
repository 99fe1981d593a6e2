"""The application of the view: one window, one tray icon, one connection to the node."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QLocale, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.control.address import DoorAddress
from desktop.control.messages import Quit
from desktop.ui import language
from desktop.ui.door import Door, Link
from desktop.ui.icons import app_icon
from desktop.ui.instance import OnlyWindow, call_running
from desktop.ui.language import tr
from desktop.ui.launcher import Launcher
from desktop.ui.login import LoginSwitch
from desktop.ui.notifications import Notifications
from desktop.ui.pages.page import House
from desktop.ui.preferences import PreferencesFile
from desktop.ui.theme import Appearance
from desktop.ui.tray import Tray

if TYPE_CHECKING:
    from desktop.ui.window import Window
    from desktop.ui.wizard.wizard import Wizard

QUIT_MS: Final = 8000
TRAY_COMES_WITHIN_MS: Final = 15_000
WAIT_TO_JOIN: Final = "--wait-to-join"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the view is told by whoever starts it.

    `node_command` starts a node that answers at `address`; empty: the node is somebody else's to start.
    """

    address: DoorAddress
    window_name: Path
    preferences: Path
    translations: Path
    log: Path
    node_command: Sequence[str] = ()
    hidden: bool = False
    at_login: LoginSwitch | None = None
    tray_comes_within_ms: int = TRAY_COMES_WITHIN_MS


def run(setup: Setup) -> int:
    """Show the window until the owner quits. Returns the exit status; raises nothing the owner must see."""
    if call_running(setup.window_name):
        return 0
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Hearth")
    app.setApplicationDisplayName("Hearth")
    app.setDesktopFileName("hearth")
    app.setStyle("Fusion")
    app.setWindowIcon(app_icon())
    app.setQuitOnLastWindowClosed(False)
    preferences = PreferencesFile(setup.preferences)
    chosen = preferences.values.language
    locale = QLocale.system() if chosen == "system" else QLocale(chosen)
    language.install(app, setup.translations, locale)
    hearth = Hearth(setup, preferences, app)
    hearth.start()
    status = app.exec()
    hearth.end()
    return status


class Hearth(QObject):
    """Ties window, tray, door and launcher together."""

    def __init__(self, setup: Setup, preferences: PreferencesFile, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._setup = setup
        self._only = OnlyWindow(setup.window_name, self)
        appearance = Appearance(app)
        appearance.choose(preferences.values.theme)
        door = Door(setup.address, self)
        self.house = House(door, appearance, preferences, lambda: time.time_ns() // 1_000_000, setup.at_login)

        def command() -> list[str]:
            return [*setup.node_command, *([] if preferences.values.welcomed else [WAIT_TO_JOIN])]

        self._launcher = Launcher(command, setup.log, self) if setup.node_command else None
        self._window: Window | None = None
        self.tray = Tray(self.house, self)
        self._notifications = Notifications(self.house, self.tray.notify, self)
        self._wizard: Wizard | None = None
        self._only.called.connect(self.show_window)
        self._only.dismissed.connect(self.quit)
        self.tray.open_asked.connect(self.show_window)
        self.tray.settings_asked.connect(self._show_settings)
        self.tray.quit_asked.connect(self.ask_to_quit)
        self.tray.answered.connect(self._tell_refusal)
        self.tray.appeared.connect(lambda: self.window.notice("") if self._window is not None else None)
        self.house.door.link_changed.connect(self._link_changed)
        if self._launcher is not None:
            self.house.door.unanswered.connect(self._launcher.ensure)
            self._launcher.gave_up.connect(self._node_failed)

    @property
    def window(self) -> Window:
        """The window, made when it is wanted first: whoever only has the tray pays for the tray only."""
        if self._window is None:
            from desktop.ui.window import Window

            self._window = Window(self.house)
            self._window.quit_asked.connect(self.ask_to_quit)
            self._window.closed.connect(self._closed)
        return self._window

    def start(self) -> None:
        """Open the door and, unless asked to stay in the tray, the window."""
        self.house.door.open()
        if not self._setup.hidden:
            self.show_window()
        if self._setup.hidden and not self.tray.is_there:
            # At log-in the panel may come after us.
            QTimer.singleShot(self._setup.tray_comes_within_ms, self, self._do_without_tray)
        else:
            self._do_without_tray()
        if self.house.preferences.set_aside is not None:
            self.window.notice(
                tr(
                    "The window's preferences could not be read. They are kept in {file}; the defaults are used."
                ).format(file=self.house.preferences.set_aside.name)
            )

    def _do_without_tray(self) -> None:
        if not self.tray.is_there:
            self.show_window()
            self.window.notice(
                tr(
                    "This desktop shows no tray icons. Hearth goes on working when you close this window; start it"
                    " again to see it."
                )
            )

    def end(self) -> None:
        """Let go of everything, in an order that leaves no half-dead objects."""
        self.house.door.close()
        self._only.close()
        self.tray.close()
        if self._window is not None:
            self._window.deleteLater()

    def show_window(self) -> None:
        """Bring the window to the front."""
        self.window.show()
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.raise_()
        self.window.activateWindow()

    def _tell_refusal(self, words: str) -> None:
        """What was asked for in the tray is answered in the window: a refusal is worth opening it for."""
        if words:
            self.show_window()
        if self._window is not None:
            self._window.tell_refusal(words)

    def ask_to_quit(self) -> None:
        """Say what ends, and end it if that is meant."""
        question = QMessageBox(self._window if self._window is not None and self._window.isVisible() else None)
        question.setWindowTitle(tr("Quit Hearth"))
        question.setText(tr("Quit Hearth and stop earning?"))
        question.setInformativeText(
            tr(
                "Running jobs are finished or refunded, and this computer signs off from the network. Closing the"
                " window instead lets the work go on."
            )
        )
        stop = question.addButton(tr("Quit and stop earning"), QMessageBox.ButtonRole.AcceptRole)
        stay = question.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(stay)
        stop.clicked.connect(self.quit)
        question.open()
        self._question = question

    def quit(self) -> None:
        """Stop the node, then leave; leave anyway if it does not answer."""
        if self._launcher is not None:
            self._launcher.rest()
        if self.house.door.link is not Link.CONNECTED:
            self._app.quit()
            return
        self.house.door.unanswered.connect(self._app.quit)
        self.house.door.ask(lambda number: Quit(id=number))
        QTimer.singleShot(QUIT_MS, self._app.quit)

    def _closed(self) -> None:
        values = self.house.preferences.values
        if not self.tray.is_there:
            # Without an icon nobody could reach the window's process again; the node goes on by itself.
            self._app.quit()
            return
        if not values.told_about_closing:
            values.told_about_closing = True
            self.house.preferences.save()
            self.tray.notify(tr("Hearth goes on working"), tr("You find it in the tray. Quit is in its menu."))

    def _show_settings(self) -> None:
        from desktop.ui.pages.settings import SettingsPage

        self.show_window()
        self.window.go_to(SettingsPage)

    def _link_changed(self) -> None:
        door = self.house.door
        if door.link is Link.CONNECTED and not self.house.preferences.values.welcomed and self._wizard is None:
            from desktop.ui.wizard.wizard import Wizard

            self.show_window()
            self._wizard = Wizard(self.house, self.window)
            self._wizard.open()

    def _node_failed(self, words: str) -> None:
        said = tr("Hearth could not start its node.")
        launcher = self._launcher
        if launcher is not None:
            self.window.notice(f"{said} {words}".strip(), tr("Try again"), launcher.again)
        self.show_window()
