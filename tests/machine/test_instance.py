from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.domain.errors import AlreadyRunning, StorageUnusable
from desktop.machine.instance import LOCK_FILE, Instance

HOLDER = """
import subprocess, sys
from pathlib import Path
from desktop.machine.instance import Instance
Instance(Path(sys.argv[1])).acquire()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = Instance(tmp_path), Instance(tmp_path)
    with first:
        with pytest.raises(AlreadyRunning, match=f"as process {os.getpid()}"):
            second.acquire()
        first.acquire()

    with second:
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_two_folders_have_two_owners(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Instance(tmp_path / "a"), Instance(tmp_path / "b"):
        pass


def test_an_owner_killed_without_warning_leaves_the_folder_free(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        orphan = int(holder.stdout.readline())
        try:
            with pytest.raises(AlreadyRunning, match=f"as process {holder.pid}"):
                Instance(tmp_path).acquire()
            holder.kill()
            holder.wait(10)
            # Its child lives on, and does not hold the folder for it.
            os.kill(orphan, 0)
            Instance(tmp_path).acquire()
        finally:
            os.kill(orphan, signal.SIGKILL)


@pytest.mark.parametrize("content", [b"", b"4711\n", b"\xff garbage that is not a number"])
def test_a_file_left_behind_means_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK_FILE).write_bytes(content)

    with Instance(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_an_owner_that_did_not_say_who_it_is_is_an_owner(tmp_path: Path) -> None:
    with Instance(tmp_path):
        (tmp_path / LOCK_FILE).write_bytes(b"?")
        with pytest.raises(AlreadyRunning, match=f"running in {tmp_path}\\."):
            Instance(tmp_path).acquire()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnusable, match="nowhere"):
        Instance(tmp_path / "nowhere").acquire()
