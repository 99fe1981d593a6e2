"""What the real uv says when things go wrong, understood."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop.domain.errors import DownloadFailed, DownloadStopped, StorageUnusable, Unavailable
from desktop.setup.uv import Uv, find_uv
from tests.fakes.package_index import wheel

ROOT = Path(__file__).parents[2]
# A disk that nobody else's files are on: a small one in memory, seen by this process alone and gone with it.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=256k hearth "$1" || exit 90; shift; exec "$@"'


def install(wheels: Path, target: Path, *names: str) -> None:
    line = ["pip", "install", "--target", str(target), "--python", sys.executable, "--no-cache", "--no-deps"]
    Uv(find_uv(os.environ), threading.Event()).run([*line, "--no-index", "--find-links", str(wheels), *names], 60)


def fill_the_disk(wheels: Path, target: Path) -> None:
    with pytest.raises(StorageUnusable, match=r"The disk is full.*what has arrived is kept"):
        install(wheels, target, "large")


@pytest.mark.skipif(sys.platform != "linux", reason="another system's disks")
def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    wheels, disk = tmp_path / "wheels", tmp_path / "disk"
    wheels.mkdir()
    disk.mkdir()
    # What cannot be compressed takes its room.
    (wheels / "large-1.0-py3-none-any.whl").write_bytes(wheel("large", "1.0", {"large.py": os.urandom(500_000).hex()}))
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    program = f"from tests.setup.test_uv import *; fill_the_disk(Path({str(wheels)!r}), Path({str(disk / 'to')!r}))"
    done = subprocess.run(
        [*alone, "sh", "-c", ON_A_SMALL_DISK, "sh", str(disk), sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_not_there_and_what_is_another_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    with pytest.raises(Unavailable, match="no such build"):
        install(tmp_path / "wheels", tmp_path / "to", "nothing")
    (tmp_path / "wheels" / "broken-1.0-py3-none-any.whl").write_bytes(b"PK no archive")
    with pytest.raises(DownloadFailed):
        install(tmp_path / "wheels", tmp_path / "to", "broken")


def test_it_is_stopped_at_once() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(DownloadStopped, match="go on where it was"):
        Uv(find_uv(os.environ), stop).run(["pip", "list"], 60)
