import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from desktop.control.window_call import QUIT, call_window
from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.app import Hearth
from desktop.ui.instance import OnlyWindow, call_running
from desktop.ui.language import Sentences
from desktop.ui.launcher import TRIES, Launcher
from desktop.ui.notifications import Notifications
from desktop.ui.pages.page import House
from desktop.ui.preferences import Preferences, PreferencesFile
from desktop.ui.window import KINDS
from tests.fakes.steward import job_line
from tests.ui.test_language import sentences
from tests.ui.theatre import Stand, hearth_over, until

ROOT = Path(__file__).parents[2]
LONG_WORD = 20


def test_preferences_are_kept_and_private(tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path / "window.json")
    file.values.theme = "dark"
    file.save()
    assert PreferencesFile(tmp_path / "window.json").values.theme == "dark"
    assert stat.S_IMODE((tmp_path / "window.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", '{"theme": 3}', "\0\xff"])
def test_preferences_that_cannot_be_read_are_kept_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "window.json").write_text(text, encoding="latin-1")
    file = PreferencesFile(tmp_path / "window.json")
    assert file.values == Preferences()
    assert file.set_aside is not None
    assert file.set_aside.read_text(encoding="latin-1") == text


def test_a_second_start_calls_the_first(app: QApplication, tmp_path: Path) -> None:
    assert app
    assert not call_running(tmp_path / "w.sock")
    calls: list[bool] = []
    first = OnlyWindow(tmp_path / "w.sock")
    first.called.connect(lambda: calls.append(True))
    assert call_running(tmp_path / "w.sock")
    until(lambda: calls == [True])
    first.close()


def test_an_installer_asks_the_window_to_go(app: QApplication, tmp_path: Path) -> None:
    assert app
    words: list[str] = []
    window = OnlyWindow(tmp_path / "w.sock")
    window.called.connect(lambda: words.append("called"))
    window.dismissed.connect(lambda: words.append("dismissed"))
    assert call_window(tmp_path / "w.sock", b"unknown\n")
    assert call_window(tmp_path / "w.sock", QUIT)
    until(lambda: words == ["dismissed"])
    window.close()


def test_what_is_left_of_a_killed_window_stops_no_other(app: QApplication, tmp_path: Path) -> None:
    assert app
    script = f"import socket; socket.socket(socket.AF_UNIX).bind({str(tmp_path / 'w.sock')!r})"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert not call_running(tmp_path / "w.sock")
    window = OnlyWindow(tmp_path / "w.sock")
    assert call_running(tmp_path / "w.sock")
    window.close()


def test_a_node_that_cannot_start_is_tried_thrice_and_then_quoted(app: QApplication, tmp_path: Path) -> None:
    assert app
    words: list[str] = []
    command = [sys.executable, "-c", "import sys; sys.exit('The ledger was written by a later version of Hearth.')"]
    launcher = Launcher(lambda: command, tmp_path / "log" / "start.log")
    launcher.gave_up.connect(words.append)
    starts = 0
    while not words:
        launcher.ensure()
        starts += 1
        QTest.qWait(20)
        assert starts < 1000
    assert words == ["The ledger was written by a later version of Hearth."]
    assert TRIES == 3
    launcher.ensure()
    assert len(words) == 1


def test_no_display_is_said_in_words(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    kept.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "--home", str(tmp_path)],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no display" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_window_carries_nothing_of_the_node(tmp_path: Path) -> None:
    script = (
        "import sys, desktop.window, desktop.ui.app, desktop.ui.window, desktop.ui.wizard.wizard;"
        "print([name for name in ('torch', 'sqlite3', 'nostr_sdk', 'iroh', 'coincurve', 'asyncio', 'numpy')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert tmp_path
    assert done.stdout.strip() == "[]"


def own_house(hearth: Hearth, folder: Path) -> House:
    """The same door, with preferences nobody else writes to."""
    house = hearth.house
    return House(house.door, house.appearance, PreferencesFile(folder / "own.json"), house.now_ms)


def test_only_the_first_paid_job_and_trouble_are_announced(hearth: Hearth, stand: Stand, tmp_path: Path) -> None:
    told: list[str] = []
    notifications = Notifications(own_house(hearth, tmp_path), lambda title, _: told.append(title), hearth)
    assert notifications
    picture = stand.steward.picture
    stand.steward.picture = msgspec.structs.replace(picture, recent=(job_line(1, JobState.RUNNING),))
    stand.changed()
    QTest.qWait(300)
    assert told == []
    stand.steward.picture = msgspec.structs.replace(picture, recent=(job_line(1),))
    stand.changed()
    until(lambda: told == ["Your first job is paid"])
    stand.steward.picture = msgspec.structs.replace(picture, recent=(job_line(2), job_line(1)))
    stand.changed()
    stand.steward.show(NodeState.FAULT, Reason.WORKER_FAILED)
    stand.changed()
    until(lambda: told == ["Your first job is paid", "Hearth has stopped and needs you"])


def test_a_notification_that_is_switched_off_stays_away(hearth: Hearth, stand: Stand, tmp_path: Path) -> None:
    told: list[str] = []
    house = own_house(hearth, tmp_path)
    house.preferences.values.notify_trouble = False
    notifications = Notifications(house, lambda title, _: told.append(title), hearth)
    assert notifications
    stand.steward.show(NodeState.FAULT, Reason.WORKER_FAILED)
    stand.changed()
    until(lambda: hearth.window.state_words.startswith("Stopped"))
    assert told == []


def _half_of(sentence: str) -> str:
    """Half as many letters: one word longer, or more words."""
    return "Åŷ" * (len(sentence) // 4) if len(sentence) < LONG_WORD else " ÅŷåŷÅŷåŷ" * (len(sentence) // 18 + 1)


def test_no_text_is_cut_in_a_language_half_as_long_again(app: QApplication, tmp_path: Path) -> None:
    """A pseudo-language: every sentence longer, with letters of full height and depth."""
    longer = {each: f"⟦{each}{_half_of(each)}⟧" for each in sentences()}
    pseudo = Sentences(longer, app)
    app.installTranslator(pseudo)
    stand = Stand(tmp_path / "d.sock")
    stand.open()
    try:
        with hearth_over(stand, app, tmp_path) as hearth:
            for kind in KINDS:
                hearth.window.go_to(kind)
                QTest.qWait(60)
                page = hearth.window.page
                assert page is not None
                assert page.title.startswith("⟦")
                for each in page.findChildren(QLabel):
                    if each.isVisible() and each.text():
                        right = each.mapTo(page.viewport(), QPoint(each.width(), 0)).x()
                        assert right <= page.viewport().width(), (page.title, each.text())
                for button in page.findChildren(QPushButton):
                    if button.isVisible():
                        assert button.width() >= button.minimumSizeHint().width(), button.text()
    finally:
        app.removeTranslator(pseudo)
        stand.end()
