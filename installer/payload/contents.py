"""Puts a payload together: one flat folder that an installer lays down as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from installer.payload.lock import CACHE, LOCK
from installer.payload.source import Source
from installer.payload.targets import Target
from installer.payload.tools import fetch, unpack

REQUIREMENTS: Final = "requirements.txt"
APP: Final = "app.txt"
ID: Final = "id"
VERSION: Final = "version"
SUMS: Final = "SHA256SUMS"
_ID_LENGTH: Final = 16


def build(target: Target, out: Path, source: Source, *, lock: Path = LOCK, cache: Path = CACHE) -> str:
    """Write the payload for `target` into `out`, which is emptied first; returns its id.

    The folder holds our wheel; `requirements.txt`, the hashed list of libraries; `app.txt`, the wheel with its hash,
    in the same form; `uv` and what else the target brings; `version`; `id`, which changes when anything that is
    installed from here changes; and `SHA256SUMS` over all of it. Times are the commit's.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    wheel = source.build_wheel(out)
    for tool in target.tools:
        unpack(tool, fetch(tool, cache), out)
    libraries = lock.read_bytes()
    app = f"./{wheel.name} --hash=sha256:{sha256(wheel)}\n"
    identity = hashlib.sha256(libraries + app.encode()).hexdigest()[:_ID_LENGTH]
    (out / REQUIREMENTS).write_bytes(libraries)
    (out / APP).write_text(app, newline="\n")
    (out / ID).write_text(f"{identity}\n", newline="\n")
    (out / VERSION).write_text(wheel.name.split("-")[1] + "\n", newline="\n")
    write_sums(out)
    settle(out, source.epoch_s)
    return identity


def write_sums(folder: Path) -> None:
    """List every file below `folder` with its sha256, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), newline="\n")


def settle(folder: Path, epoch_s: int) -> None:
    """Give everything below `folder` the same time, and modes that do not depend on who builds."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (epoch_s, epoch_s))


def sha256(path: Path) -> str:
    """The file's digest, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
