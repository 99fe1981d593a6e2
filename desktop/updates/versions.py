"""The versions of a per-user installation that lie side by side, and the link that says which one is in use.

Each is a folder that never changes once it is there; an environment belongs to it. Turning the link is one step of the
file system, so what is in use is whole at any instant. A change that is on trial is named by the file `trial`: whoever
finds it without the lock held takes the change back, the installed command itself before it starts anything.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from desktop.domain.errors import DownloadStopped, StorageUnusable, UpdateFailed
from desktop.updates.installation import APP_FOLDER

LOCK: Final = "update.lock"
TRIAL: Final = "trial"
_LAY_DOWN_S: Final = 300.0
_PREPARE_S: Final = 3600.0
_USE_S: Final = 60.0
_WORDS_BYTES: Final = 2000
_LOOK_S: Final = 0.02
# Without it the command of a version that is not in use starts the one that is.
_THIS: Final = {"HEARTH_THIS_VERSION": "yes"}
_ID: Final = re.compile(r"[0-9a-f]{16}")


class Trial(Struct, frozen=True, kw_only=True):
    """A change in progress: from `before`, a folder's name, to `version`; `home` is what `--home` named, or empty."""

    before: str
    version: str
    home: str


class Versions:
    """The folder `root` that holds them. `environ` is what programs are started with; `write` keeps a file whole.

    `stop`, set from any thread, ends whatever program is waited for; the method then raises DownloadStopped.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        write: Callable[[Path, str], None],
        stop: threading.Event | None = None,
    ) -> None:
        self.root = root
        self._stop = stop or threading.Event()
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
        self._run(line, _PREPARE_S, "Its environment could not be made.", **_THIS)

    def run_in(self, name: str, arguments: Sequence[str], within_s: float) -> str:
        """What a version that is not in use prints for a command. Raises UpdateFailed if that fails."""
        line = [str(self.root / name / "hearth"), *arguments]
        return self._run(line, within_s, "The new version does not work here.", **_THIS)

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
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    line,
                    env={**self._environ, **more},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                raise UpdateFailed(what, why=f"{error}.") from error
            try:
                self._await(process, within_s, what)
            finally:
                _end(process)
            if process.returncode:
                words = _last_of(err)
                raise UpdateFailed(what, why=words or f"It ended with status {process.returncode}.")
            return _last_of(out)

    def _await(self, process: subprocess.Popen[bytes], within_s: float, what: str) -> None:
        deadline = time.monotonic() + within_s
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise UpdateFailed(what, why=f"It took longer than {within_s:.0f} seconds.")
            if self._stop.wait(_LOOK_S):
                raise DownloadStopped("The update was stopped.", now="It goes on where it was when it is begun again.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it began, if it still runs."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _WORDS_BYTES))
    return file.read().decode(errors="replace").strip()
