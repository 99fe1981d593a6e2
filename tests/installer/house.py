"""An installed Hearth in a folder: the real launcher, with a `uv` and a Python that only act their part."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from installer.linux.tree import LAUNCHER
from installer.payload.contents import write_sums

ID = "0123456789abcdef"

# Takes its time, like the real one, so that it can be killed in the middle; an environment is whole with both parts in.
UV = """#!/bin/sh
echo "$*" >>"$HOME/calls"
[ ! -e "$HOME/offline" ] || { echo "error: Failed to fetch: dns error" >&2; exit 2; }
[ ! -e "$HOME/full" ] || { echo "error: No space left on device (os error 28)" >&2; exit 2; }
[ ! -e "$HOME/forged" ] || { echo "error: Hash mismatch for PySide6" >&2; exit 1; }
case $1 in
    venv)
        for part; do :; done
        mkdir -p "$part/bin"
        sleep 0.02
        cp "$HOME/python" "$part/bin/python"
        ;;
    pip)
        for file; do :; done
        environment=$(dirname "$(dirname "$4")")
        mkdir -p "$UV_CACHE_DIR"
        touch "$environment/$file.part"
        sleep 0.02
        mv "$environment/$file.part" "$environment/$file"
        ;;
esac
"""
PYTHON = """#!/bin/sh
here=$(dirname "$(dirname "$0")")
[ -e "$here/requirements.txt" ] && [ -e "$here/app.txt" ] || { echo "half an environment" >&2; exit 99; }
case $1 in
    -c) exit 0 ;;
esac
shift 2
echo "ran from ${here##*/}: $*"
"""


@dataclass(frozen=True, slots=True)
class House:
    """A user with an installed Hearth."""

    home: Path
    app: Path

    @property
    def runtime(self) -> Path:
        return self.home / ".local/share/hearth/runtime"

    @property
    def environment(self) -> Path:
        return self.runtime / f"env-{ID}"

    def variables(self, **more: str) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.app / "hearth", *words],
            env=self.variables(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def calls(self) -> list[str]:
        """What `uv` was asked since the last look."""
        log = self.home / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def upgrade(self, identity: str) -> None:
        (self.app / "id").write_text(identity + "\n")
        write_sums(self.app)


def build_house(folder: Path) -> House:
    house = House(folder / "a user", folder / "an app")
    house.home.mkdir()
    house.app.mkdir()
    for script in LAUNCHER.iterdir():
        shutil.copy(script, house.app)
    for path, text in ((house.app / "uv", UV), (house.home / "python", PYTHON)):
        path.write_text(text)
        path.chmod(0o755)
    (house.app / "requirements.txt").touch()
    (house.app / "app.txt").touch()
    house.upgrade(ID)
    return house
