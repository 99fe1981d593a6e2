"""Starting with the owner's session: the switch in the settings, and a start into a tray that is not there yet."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel

from desktop.domain.errors import StorageUnusable
from desktop.ui.app import Hearth, Setup
from desktop.ui.pages.window_panel import LoginBox
from desktop.ui.preferences import PreferencesFile
from tests.ui.theatre import Stand, no_qt_warnings, until


class Switch:
    """A switch in memory, or one that its system refuses."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.on = False
        self._refuses = refuses

    def is_on(self) -> bool:
        return self.on

    def switch(self, *, on: bool) -> None:
        if self._refuses:
            raise StorageUnusable("The entry cannot be written.", why="The disk is full.", now="Free some space.")
        self.on = on


def box_of(holder: LoginBox) -> QCheckBox:
    return holder.findChildren(QCheckBox)[0]


def words_of(holder: LoginBox) -> str:
    return " ".join(each.text() for each in holder.findChildren(QLabel) if not each.isHidden())


def test_the_box_switches_and_shows_what_is_so(app: QApplication) -> None:
    del app
    switch = Switch()
    holder = LoginBox(switch)
    assert not box_of(holder).isChecked()

    box_of(holder).click()
    assert switch.on
    box_of(holder).click()
    assert not switch.on

    switch.on = True  # by the command line
    holder.look()
    assert box_of(holder).isChecked()
    assert not words_of(holder)


def test_what_the_system_refuses_is_said_and_not_shown_as_done(app: QApplication) -> None:
    del app
    holder = LoginBox(Switch(refuses=True))

    box_of(holder).click()

    assert not box_of(holder).isChecked()
    assert "Free some space." in words_of(holder)


def test_a_hidden_start_waits_for_the_tray_and_then_shows_the_window(
    stand: Stand, app: QApplication, tmp_path: Path
) -> None:
    preferences = PreferencesFile(tmp_path / "window.json")
    preferences.values.welcomed = True
    setup = Setup(
        stand.address,
        tmp_path / "w.sock",
        tmp_path / "window.json",
        tmp_path,
        tmp_path / "log",
        hidden=True,
        at_login=Switch(),
        tray_comes_within_ms=300,
    )
    with no_qt_warnings():
        hearth = Hearth(setup, preferences, app)
        hearth.start()
        assert not hearth.window.isVisible()  # the offscreen platform has no tray

        until(hearth.window.isVisible)

        hearth.window.hide()
        hearth.end()
        hearth.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QCoreApplication.processEvents()
