"""The window's end of the door, where whoever answers is not the node it looks for."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalServer
from PySide6.QtWidgets import QApplication

from desktop.control.address import SocketAddress
from desktop.control.answers import Refusal, refusal_line
from desktop.ui.app import Hearth, Setup
from desktop.ui.door import Door, Link
from desktop.ui.preferences import PreferencesFile
from tests.ui.theatre import Stand, no_qt_warnings, until

OTHER = Refusal(kind="OtherVersion", what="The running node is of another version of Hearth.", why="It is version 9.")


@contextmanager
def answering(path: Path, line: bytes) -> Iterator[QLocalServer]:
    """Whatever is said there, the answer is that line."""
    server = QLocalServer()

    def serve() -> None:
        connection = server.nextPendingConnection()

        def answer() -> None:
            connection.readAll()
            connection.write(line)
            connection.disconnectFromServer()

        connection.readyRead.connect(answer)

    server.newConnection.connect(serve)
    assert server.listen(str(path))
    yield server
    server.close()


@pytest.fixture
def door(app: QApplication, tmp_path: Path) -> Iterator[Door]:
    assert app
    with no_qt_warnings():
        made = Door(SocketAddress(tmp_path / "d.sock"))
        yield made
        made.close()
        made.deleteLater()


def count(door: Door) -> list[str]:
    """What the door tells: that nobody answered, and how it stands."""
    told: list[str] = []
    door.unanswered.connect(lambda: told.append("unanswered"))
    door.link_changed.connect(lambda: told.append(door.link.value))
    return told


def test_a_node_of_another_version_is_told_once_and_nobody_starts_a_second(door: Door, tmp_path: Path) -> None:
    told = count(door)
    with answering(tmp_path / "d.sock", refusal_line(1, OTHER)) as server:
        seen = []
        server.newConnection.connect(lambda: seen.append(1))
        door.open()
        until(lambda: len(seen) >= 3)  # it is asked again and again
        until(lambda: told == ["other version"])
    until(lambda: "unanswered" in told)
    assert told[:2] == ["other version", "lost"]


def test_what_is_no_node_is_asked_again_and_believed_nothing(door: Door, tmp_path: Path) -> None:
    told = count(door)
    with answering(tmp_path / "d.sock", b"\x00\xff HTTP/1.1 200 OK\n{}\n") as server:
        seen = []
        server.newConnection.connect(lambda: seen.append(1))
        door.open()
        until(lambda: len(seen) >= 2)
    assert door.link is Link.SEARCHING
    assert door.snapshot is None
    assert set(told) <= {"unanswered"}


def test_a_stale_socket_is_nobody(door: Door, tmp_path: Path) -> None:
    told = count(door)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "d.sock"))
    door.open()
    until(lambda: told.count("unanswered") >= 2)
    assert door.link is Link.SEARCHING


def test_a_socket_of_another_user_is_not_spoken_to(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = count(door)
    mine = os.getuid()
    with answering(tmp_path / "d.sock", b"{}\n") as server:
        seen = []
        server.newConnection.connect(lambda: seen.append(1))
        monkeypatch.setattr("desktop.control.address.os.getuid", lambda: mine + 1)
        door.open()
        until(lambda: told.count("unanswered") >= 3)
        assert seen == []


def test_the_window_says_what_to_do_about_another_version(app: QApplication, tmp_path: Path) -> None:
    preferences = PreferencesFile(tmp_path / "window.json")
    preferences.values.welcomed = True
    path = tmp_path / "d.sock"
    setup = Setup(SocketAddress(path), tmp_path / "w.sock", tmp_path / "window.json", tmp_path, tmp_path / "log")
    with no_qt_warnings():
        with answering(path, refusal_line(1, OTHER)):
            hearth = Hearth(setup, preferences, app)
            hearth.start()
            until(lambda: hearth.window.state_words == "Another version of Hearth is running")
            assert "Nothing is lost" in hearth.window.banner.text
        path.unlink(missing_ok=True)
        until(lambda: hearth.window.state_words == "Reconnecting…")
        assert "Nothing is lost" not in hearth.window.banner.text
        stand = Stand(path)
        stand.open()
        until(lambda: hearth.window.state_words.startswith("Ready"))
        hearth.end()
        stand.end()
