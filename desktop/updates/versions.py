"""The versions of a per-user installation that lie side by side, and the link that says which one is in use.

Each is a folder that never changes once it is there; an environment belongs to it. Turning the link is one step of the
file system, so what is in use is whole at any instant. A change that is on trial is named by the file `trial`: whoever
finds it without the lock held takes the change back, the installed command itself before it starts anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from desktop.domain.errors import StorageUnusable, UpdateFailed
from desktop.updates.installation import APP_FOLDER

LOCK: Final = "update.lock"
TRIAL: Final = "trial"
_LAY_DOWN_S: Final = 300.0
_PREPARE_S: Final = 3600.0
_USE_S: Final = 60.0
_WORDS_BYTES: Final = 2000
_ID: Final = re.compile(r"[0-9a-f]{16}")


class Trial(Struct, frozen=True, kw_only=True):
    """A change in progress: from `before`, a folder's name, to `version`; `home` is what `--home` named, or empty."""

    before: str
    version: str
    home: str


class Versions:
    """The folder `root` that holds them. `environ` is what programs are started with; `write` keeps a file whole."""

    def __init__(self, root: Path, environ: Mapping[str, str], write: Callable[[Path, str], None]) -> None:
        self.root = root
        self._environ = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
        self._write = write

    @property
    def command(self) -> Path:
        """What starts Hearth, whichever version is in use then."""
        return self.root / "app" / "hearth"

    def current(self) -> str:
        """The folder's name of the version in use. Raises StorageUnusable where there is none."""
        try:
            name = (self.root / "app").readlink().name
        except OSError:
            name = ""
        if not APP_FOLDER.fullmatch(name):
            raise StorageUnusable("It cannot be told which version is in use.", now="Install Hearth again.")
        return name

    def lay_down(self, installer: Path) -> str:
        """Unpack a .run beside what is in use; returns the folder's name. Raises UpdateFailed."""
        line = ["/bin/sh", str(installer), "--quiet", "--nox11", "--", "--beside"]
        # Unpacked where there was room for the file itself: /tmp is often small, or in memory.
        said = self._run(
            line, _LAY_DOWN_S, "It could not be unpacked.", TMPDIR=str(installer.parent), HEARTH_AS_ROOT="1"
        )
        name = Path(said.strip().rpartition("\n")[2]).name
        if not APP_FOLDER.fullmatch(name) or not (self.root / name / "use").is_file():
            raise UpdateFailed("It could not be unpacked.", why="The installer does not know how to be an update.")
        return name

    def version_of(self, name: str) -> str:
        """Which version a folder holds."""
        return (self.root / name / "version").read_text().strip()

    def prepare(self, name: str) -> None:
        """Make the environment of a folder, if it is not there yet. Raises UpdateFailed with what it said."""
        line = [str(self.root / name / "hearth"), "--prepare", "update"]
        self._run(line, _PREPARE_S, "Its environment could not be made.")

    def run_in(self, name: str, arguments: Sequence[str], within_s: float) -> str:
        """What a version that is not in use prints for a command. Raises UpdateFailed if that fails."""
        return self._run(
            [str(self.root / name / "hearth"), *arguments], within_s, "The new version does not work here."
        )

    def use(self, name: str) -> None:
        """Make a folder the version in use; doing it again changes nothing. Raises UpdateFailed."""
        self._run([str(self.root / name / "use")], _USE_S, "The version in use could not be changed.")

    def forget_all_but(self, *names: str) -> None:
        """Take away every other version and its environment."""
        environments = {f"env-{self._id(name)}" for name in names}
        for path in self.root.glob("app-*"):
            if path.name not in names:
                shutil.rmtree(path, ignore_errors=True)
        for path in (self.root / "runtime").glob("env-*"):
            if path.name not in environments:
                shutil.rmtree(path, ignore_errors=True)

    def begin(self, trial: Trial) -> None:
        """Write down that a change is on trial, before anything of it is done. Raises StorageUnusable."""
        # The first line is what the installed command, a shell script, reads.
        self._write(self.root / TRIAL, f"{trial.before}\n{msgspec.json.encode(trial).decode()}\n")

    def trial(self) -> Trial | None:
        """The change on trial. Raises StorageUnusable for a file that cannot be read."""
        try:
            line = (self.root / TRIAL).read_text("utf-8").splitlines()[1]
            trial = msgspec.json.decode(line, type=Trial)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, IndexError):
            raise StorageUnusable(f"{self.root / TRIAL} cannot be read.", now="Install Hearth again.") from None
        if not APP_FOLDER.fullmatch(trial.before):
            raise StorageUnusable(f"{self.root / TRIAL} names no version.", now="Install Hearth again.")
        return trial

    def end(self) -> None:
        """The trial is over, either way."""
        (self.root / TRIAL).unlink(missing_ok=True)

    def _id(self, name: str) -> str:
        try:
            found = (self.root / name / "id").read_text().strip()
        except OSError:
            return ""
        return found if _ID.fullmatch(found) else ""

    def _run(self, line: Sequence[str], within_s: float, what: str, **more: str) -> str:
        try:
            done = subprocess.run(
                line,
                env={**self._environ, **more},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=within_s,
                check=False,
                start_new_session=os.name == "posix",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpdateFailed(what, why=f"{error}.") from error
        if done.returncode:
            words = done.stderr[-_WORDS_BYTES:].decode(errors="replace").strip()
            raise UpdateFailed(what, why=words or f"It ended with status {done.returncode}.")
        return done.stdout.decode(errors="replace")
