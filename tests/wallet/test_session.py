from __future__ import annotations

import threading
from pathlib import Path

import pytest

from desktop.wallet.session import Session


def test_an_open_session_is_alive_and_a_closed_one_is_not(tmp_path: Path) -> None:
    first, second = Session(tmp_path), Session(tmp_path)
    assert first.is_alive(first.id)
    assert first.is_alive(second.id)
    second.close()
    second.close()
    assert not first.is_alive(second.id)
    assert not first.is_alive("never was")
    first.close()


def test_the_files_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    living = Session(tmp_path)
    (tmp_path / "dead.lock").touch()
    Session(tmp_path).forget_dead()
    assert not (tmp_path / "dead.lock").exists()
    assert (tmp_path / f"{living.id}.lock").exists()
    living.close()


def test_sessions_can_open_while_others_clear_up(tmp_path: Path) -> None:
    """A session's file is there before it is locked; nobody may take it for a dead one's in between."""
    broom = Session(tmp_path)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            broom.forget_dead()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(50):
            session = Session(tmp_path)
            assert broom.is_alive(session.id)
            assert (tmp_path / f"{session.id}.lock").exists()
            session.close()
    finally:
        stop.set()
        sweeper.join()
        broom.close()


@pytest.mark.parametrize("name", ["../x", "a/b"])
def test_names_that_are_no_session_are_dead(tmp_path: Path, name: str) -> None:
    session = Session(tmp_path)
    assert not session.is_alive(name)
    session.close()
