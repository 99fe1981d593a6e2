"""The commit everything is built from, and the wheel made of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_MARK: Final = ".commit"


@dataclass(frozen=True, slots=True)
class Source:
    """One commit, and where its files are; what is not committed is not built.

    `epoch_s` is the commit's own time: every file in every package carries it, so that the same commit gives the same
    bytes on any day. `exported` says that `tree` holds the commit's files and no others.
    """

    commit: str
    epoch_s: int
    tree: Path
    exported: bool = False

    @classmethod
    def here(cls, tree: Path = ROOT) -> Source:
        """What is checked out at `tree`, or was exported there. Raises CalledProcessError where there is neither."""
        mark = tree / _MARK
        told = mark.read_text() if mark.is_file() else _git(tree, "log", "-1", "--format=%H %ct").decode()
        commit, epoch_s = told.split()
        return cls(commit, int(epoch_s), tree, exported=mark.is_file())

    def differs(self) -> bool:
        """Whether there are changes to tracked files that will not be in the build."""
        return not self.exported and bool(_git(self.tree, "status", "--porcelain", "--untracked-files=no"))

    def export(self, folder: Path) -> Source:
        """The same commit, with its files alone in `folder`."""
        archive = _git(self.tree, "archive", "--format=tar", self.commit)
        line = ["tar", "--extract", "--directory", str(folder)]
        subprocess.run(line, input=archive, check=True)
        (folder / _MARK).write_text(f"{self.commit} {self.epoch_s}\n")
        return Source(self.commit, self.epoch_s, folder, exported=True)

    def build_wheel(self, folder: Path) -> Path:
        """The commit's wheel, in `folder`: the same bytes every time."""
        if not self.exported:
            with tempfile.TemporaryDirectory(prefix="hearth-source-") as tree:
                return self.export(Path(tree)).build_wheel(folder)
        line = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(self.tree),
        ]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(self.epoch_s)}
        subprocess.run(line, env=environment, stdout=sys.stderr, check=True)
        (wheel,) = folder.glob("*.whl")
        return wheel


def _git(checkout: Path, *arguments: str) -> bytes:
    # A build as root in somebody else's checkout is no reason for git to refuse to read it.
    line = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), *arguments]
    return subprocess.run(line, capture_output=True, check=True).stdout
