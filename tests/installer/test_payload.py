"""What every installer carries: complete, pinned, and the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from installer.payload.contents import build, sha256
from installer.payload.lock import CACHE, LOCK
from installer.payload.source import ROOT, Source
from installer.payload.targets import LINUX, TARGETS, WINDOWS, Tool
from installer.payload.tools import fetch


def requirements() -> dict[str, str]:
    """The lock, a line for each library: its name, and all that is said of it."""
    lines = LOCK.read_text().replace("\\\n", " ").splitlines()
    return {line.partition("==")[0]: line for line in lines if line}


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = requirements()

    for wanted in project["dependencies"]:
        name, _, version = wanted.partition(";")[0].strip().partition("==")
        assert locked[name].startswith(f"{name}=={version} "), f"python -m installer.payload.lock; {wanted}"


def test_every_library_has_hashes_and_none_an_address() -> None:
    for line in requirements().values():
        assert re.fullmatch(r"[a-z0-9.-]+==[^ ]+ (;[^\\]+?)?( *--hash=sha256:[0-9a-f]{64})+ *", line), line
    assert not re.search(r"://|index-url|find-links", LOCK.read_text())


def test_torch_is_not_in_the_first_stage() -> None:
    assert not {"torch", "numpy", "transformers"} & requirements().keys()


def test_the_wheel_carries_code_and_resources_and_nothing_else(payload: Path) -> None:
    (wheel,) = payload.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {"desktop/__main__.py", "desktop/_resources/models.toml", "desktop/_resources/icons/hearth.svg"} <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"desktop"}


def test_the_same_commit_gives_the_same_bytes(payload: Path, source: Source, tmp_path: Path) -> None:
    build(LINUX, tmp_path / "again", source, cache=CACHE)

    first, second = (
        {path.relative_to(each): path for path in each.rglob("*")} for each in (payload, tmp_path / "again")
    )
    assert first.keys() == second.keys()
    for name, path in first.items():
        assert path.stat().st_mode == second[name].stat().st_mode
        assert path.stat().st_mtime == second[name].stat().st_mtime == source.epoch_s
        assert path.is_dir() or path.read_bytes() == second[name].read_bytes(), name


def test_the_sums_are_of_everything(payload: Path) -> None:
    subprocess.run(["/usr/bin/sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=payload, check=True)
    listed = {line.split("  ")[1] for line in (payload / "SHA256SUMS").read_text().splitlines()}

    assert listed == {path.relative_to(payload).as_posix() for path in payload.rglob("*") if path.is_file()} - {
        "SHA256SUMS"
    }


def test_programs_can_be_run_and_texts_cannot(payload: Path) -> None:
    runnable = {path.name for path in payload.rglob("*") if path.is_file() and os.access(path, os.X_OK)}

    assert runnable == {"uv", "bwrap"}
    done = subprocess.run([payload / "uv", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == LINUX.tools[0].requirement.partition("==")[2]


def test_each_system_has_a_uv_of_the_same_version() -> None:
    assert set(TARGETS) == {"linux", "windows"}
    assert LINUX.tools[0].requirement == WINDOWS.tools[0].requirement
    assert LINUX.tools[0].sha256 != WINDOWS.tools[0].sha256


def test_a_tool_with_other_bytes_than_pinned_is_refused(tmp_path: Path) -> None:
    real = LINUX.tools[1]
    forged = Tool(real.requirement, hashlib.sha256(b"other").hexdigest(), real.platform, real.members)

    with pytest.raises(subprocess.CalledProcessError):
        fetch(forged, tmp_path)

    assert list(tmp_path.glob("*.whl")) == []


def test_a_damaged_tool_is_fetched_again(tmp_path: Path) -> None:
    tool = LINUX.tools[1]
    (tmp_path / f"{tool.sha256}.whl").write_bytes(b"half of it")

    assert sha256(fetch(tool, tmp_path)) == tool.sha256
