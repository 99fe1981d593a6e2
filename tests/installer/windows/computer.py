"""A Windows computer, as far as Wine is one: a user's home, a registry, a display."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.installer.windows.interpreter import assemble, build_library

WINE: Final = "/usr/lib/wine/wine64"
SERVER: Final = "/usr/lib/wine/wineserver64"
PYTHON: Final = r"C:\python\python.exe"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
# Wine's own colour management, menus, and offers to install a browser and .NET stay out of it.
_OVERRIDES: Final = "mscms=n;winemenubuilder.exe=d;mshtml=d;mscoree=d"


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, and what it printed."""

    status: int
    said: str
    took_s: float


class Running:
    """A program that runs. Its output goes through a pipe: Wine's Python starts with no other kind of our files."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._said: list[bytes] = []
        self._start = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, within_s: float = 240) -> Done:
        """Until it ends; what it started may go on, and may hold the pipe."""
        status = self._process.wait(within_s)
        took_s = time.monotonic() - self._start
        self._reader.join(1)
        return Done(status, b"".join(self._said).decode(errors="replace"), took_s)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := os.read(self._process.stdout.fileno(), 1 << 16):
            self._said.append(piece)


class Computer:
    """The one in `folder`, with its picture on `display`."""

    def __init__(self, folder: Path, display: str) -> None:
        self._folder = folder
        self._display = display

    @property
    def disk(self) -> Path:
        return self._folder / "drive_c"

    @property
    def user(self) -> Path:
        (user,) = (path for path in (self.disk / "users").iterdir() if path.name != "Public")
        return user

    @property
    def local(self) -> Path:
        """%LOCALAPPDATA%."""
        return self.user / "AppData" / "Local"

    def inside(self, path: Path) -> str:
        """What a file is called in there: ours lie on the disk Z."""
        if path.is_relative_to(self.disk):
            return "C:\\" + str(path.relative_to(self.disk)).replace("/", "\\")
        return "Z:" + str(path.absolute()).replace("/", "\\")

    def start(self, *command: str | Path, environment: Mapping[str, str] = NOTHING) -> Running:
        """Start a program; paths of ours are given their names in there."""
        words = [self.inside(word) if isinstance(word, Path) else word for word in command]
        return Running(
            subprocess.Popen(
                [WINE, *words],
                env=self._environment() | dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )

    def run(self, *command: str | Path, status: int = 0, environment: Mapping[str, str] = NOTHING) -> Done:
        """Run a program to its end; AssertionError, with what it said, if that is not with `status`."""
        done = self.start(*command, environment=environment).wait()
        assert done.status == status, f"{command} ended with {done.status}:\n{done.said[-4000:]}"
        return done

    def value(self, key: str, name: str) -> str | None:
        """A value of the user's registry; None if there is none."""
        done = self.start("reg", "query", rf"HKCU\{key}", "/v", name).wait()
        lines = [line.split(None, 2) for line in done.said.splitlines() if line.split()[:1] == [name]]
        return lines[0][2].strip() if done.status == 0 and lines else None

    def files(self) -> set[str]:
        """Every file of the user but temporary ones, among which the uninstaller's copy waits for a restart."""
        every = {path.relative_to(self.user).as_posix() for path in self.user.rglob("*") if not path.is_dir()}
        return {name for name in every if not name.startswith(("Temp/", "AppData/Local/Temp/"))}

    def shut_down(self) -> None:
        subprocess.run([SERVER, "-k"], env=self._environment(), check=False)
        subprocess.run([SERVER, "-w"], env=self._environment(), check=False, timeout=60)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "WINEPREFIX": str(self._folder),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": _OVERRIDES,
            "DISPLAY": self._display,
            "LC_ALL": "C.UTF-8",
        }


def set_up(folder: Path, work: Path) -> None:
    """A new computer in `folder`, with Windows 10 on it as far as anybody asks, and Python at `PYTHON`."""
    computer = Computer(folder, "")
    computer.run("wineboot", "--init")
    computer.run("winecfg", "-v", "win10")
    for name in ("bcryptprimitives", "icuuc"):
        build_library(name, computer.disk / "windows" / "system32")
    assemble(computer.disk / "python", work)
    said = computer.run(PYTHON, "-c", "import ctypes, sqlite3, ssl, sys; print(sys.platform)").said
    assert said.strip() == "win32", said
    computer.shut_down()


@contextmanager
def switched_on(folder: Path, display: str) -> Iterator[Computer]:
    """The computer in `folder`; in the end everything in it is ended."""
    computer = Computer(folder, display)
    try:
        yield computer
    finally:
        computer.shut_down()
