from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from desktop.domain.errors import StorageUnusable
from desktop.machine.paths import Paths

USER = Path("/home/ada")


def test_a_plain_linux_home_gets_the_standard_folders() -> None:
    paths = Paths.of_user({}, USER)

    assert paths.data == USER / ".local/share/hearth"
    assert paths.config == USER / ".config/hearth"
    assert paths.cache == USER / ".cache/hearth"
    assert paths.log == USER / ".local/state/hearth"
    assert paths.runtime == USER / ".local/share/hearth/run/hearth"


def test_the_environment_moves_them_if_it_names_a_place() -> None:
    paths = Paths.of_user({"XDG_DATA_HOME": "/srv/data", "XDG_CONFIG_HOME": "relative", "XDG_CACHE_HOME": ""}, USER)

    assert paths.data == Path("/srv/data/hearth")
    assert paths.config == USER / ".config/hearth"
    assert paths.cache == USER / ".cache/hearth"


def test_a_hearth_of_its_own_is_all_in_one_place(tmp_path: Path) -> None:
    for folder in astuple(Paths.below(tmp_path / "home")):
        assert folder.is_relative_to(tmp_path / "home")


def test_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path / "home")
    os.umask(0)
    try:
        paths.create()
    finally:
        os.umask(0o022)

    for folder in astuple(paths):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    paths.create()


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.data.mkdir(mode=0o755)

    paths.create()

    assert stat.S_IMODE(paths.data.stat().st_mode) == 0o700


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageUnusable, match=r"data cannot be used.*--home"):
        Paths.below(tmp_path).create()


def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StorageUnusable, match=r"/proc/nowhere/data cannot be used"):
        Paths.below(Path("/proc/nowhere")).create()


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """As another user where we are root, else in a folder of root's."""
    if os.geteuid() == 0:
        paths = Paths.below(tmp_path)
        paths.data.mkdir()
        os.chown(paths.data, 65534, 65534)
        expected = "belongs to another user"
    else:
        paths = Paths(*[Path("/usr")] * 5)
        expected = "cannot be used"

    with pytest.raises(StorageUnusable, match=expected):
        paths.create()


def test_the_windows_file_is_for_windows_alone() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", "import desktop.machine.windows"], capture_output=True, text=True, check=False
    )

    assert (outcome.returncode != 0) == (sys.platform != "win32")
    assert sys.platform == "win32" or "this module is for Windows" in outcome.stderr
