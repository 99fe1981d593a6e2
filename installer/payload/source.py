"""The commit everything is built from, and the wheel made of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One commit of a checkout; what is not committed is not built.

    `epoch_s` is the commit's own time: every file in every package carries it, so that the same commit gives the same
    bytes on any day.
    """

    commit: str
    epoch_s: int
    checkout: Path

    @classmethod
    def head(cls, checkout: Path = ROOT) -> Source:
        """What is checked out. Raises CalledProcessError outside a git checkout."""
        commit, epoch_s = _git(checkout, "log", "-1", "--format=%H %ct").decode().split()
        return cls(commit, int(epoch_s), checkout)

    def differs(self) -> bool:
        """Whether the checkout holds changes to tracked files that will not be in the build."""
        return bool(_git(self.checkout, "status", "--porcelain", "--untracked-files=no"))

    def write_tree(self, folder: Path) -> None:
        """Write the commit's files into `folder`."""
        with tarfile.open(fileobj=BytesIO(_git(self.checkout, "archive", "--format=tar", self.commit))) as archive:
            archive.extractall(folder, filter="data")

    def build_wheel(self, folder: Path) -> Path:
        """The commit's wheel, in `folder`: the same bytes every time."""
        with tempfile.TemporaryDirectory(prefix="hearth-source-") as tree:
            self.write_tree(Path(tree))
            subprocess.run(
                [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), tree],
                env=os.environ | {"SOURCE_DATE_EPOCH": str(self.epoch_s)},
                stdout=sys.stderr,
                check=True,
            )
        (wheel,) = folder.glob("*.whl")
        return wheel


def _git(checkout: Path, *arguments: str) -> bytes:
    # A build as root in somebody else's checkout is no reason for git to refuse to read it.
    line = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), *arguments]
    return subprocess.run(line, capture_output=True, check=True).stdout
