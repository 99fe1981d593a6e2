"""Ending everything of one Hearth: nothing there, a window that goes when asked."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from desktop.commands.departure import end_app
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.control.window_call import QUIT, SOCKET_NAME
from desktop.machine.instance import WINDOW_LOCK_FILE, Instance
from desktop.machine.paths import Paths


@pytest.fixture
def home(tmp_path: Path) -> Composition:
    paths = Paths.below(tmp_path)
    paths.create()
    return Composition(paths, Settings(), use_keyring=False)


def test_where_nothing_runs_nothing_is_to_be_done(home: Composition) -> None:
    assert end_app(home) is False


def test_a_window_is_asked_and_waited_for(home: Composition) -> None:
    heard: list[bytes] = []
    lock = Instance(home.paths.data, WINDOW_LOCK_FILE)
    lock.acquire()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(home.paths.runtime / SOCKET_NAME))
        door.listen()

        def window() -> None:
            caller, _ = door.accept()
            with caller:
                heard.append(caller.recv(16))
            lock.release()

        thread = threading.Thread(target=window)
        thread.start()

        assert end_app(home) is True
        thread.join()

    assert heard == [QUIT]
    assert not lock.is_held()
