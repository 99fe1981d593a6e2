from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from desktop.domain.errors import Busy, StorageUnusable
from desktop.downloads.sole import sole


def _die_holding(lock: Path) -> None:
    with sole(lock, "it"):
        os._exit(9)


def test_a_second_one_is_told_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    lock = tmp_path / "records" / "it.lock"
    child = multiprocessing.get_context("forkserver").Process(target=_die_holding, args=(lock,))
    child.start()
    child.join(60)
    assert child.exitcode == 9
    with sole(lock, "it"), pytest.raises(Busy, match="it is being fetched already"), sole(lock, "it"):
        pass
    with sole(lock, "it"):
        assert lock.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnusable, match="cannot be written"), sole(tmp_path / "file" / "it.lock", "it"):
        pass
