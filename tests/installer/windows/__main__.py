"""The whole life of an installation on Windows, as far as Wine is one: see installer/README.md.

`python -m tests.installer.windows --base FOLDER --wheels FOLDER --installers dist --newer FOLDER`

FOLDER is made at the first run, and copied, never changed, from then on. Prints one line for each thing seen, with the
numbers; the first that is not as promised ends it with status 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.installer.seeing import DISPLAY, display, photograph, say, wait
from tests.installer.windows.computer import PYTHON, Computer, set_up, switched_on

UNINSTALL: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Hearth"
RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
MOST_SETUP_BYTES: Final = 15_000_000
GIVEN_UP, NOT_OLDER, NOT_NOW = 1, 7, 75
# Where the launcher's button lies: Wine puts its window into the middle of the display.
CANCEL: Final = ("872", "617")


class Life:
    """One installation on one computer; each method is a part of its life, in their order here."""

    def __init__(self, computer: Computer, wheels: Path, old: Path, new: Path, pictures: Path) -> None:
        self._computer = computer
        self._old = old
        self._new = new
        self._pictures = pictures
        self._bare = computer.files()
        self._program = computer.local / "Programs" / "Hearth"
        self._base = computer.local / "Hearth"
        self._source = {"HEARTH_PYTHON": PYTHON, "HEARTH_WHEELS": computer.inside(wheels)}

    def install(self) -> None:
        assert self._old.stat().st_size <= MOST_SETUP_BYTES, self._old.stat().st_size
        took_s = self._computer.run(self._old, "/S").took_s
        assert took_s <= 10, took_s
        say(f"{self._old.name}, {self._old.stat().st_size / 1e6:.1f} MB, installed in {took_s:.1f} s")
        for entry in ("Hearth.lnk", "Hearth command line.lnk"):
            assert list(self._computer.user.rglob(f"Start Menu/Programs/Hearth/{entry}")), entry
        assert self._computer.value(UNINSTALL, "ModifyPath") == f'"{self._inside("Hearth.exe")}" --repair'
        assert self._computer.value(RUN, "hearth") is None, "nobody asked to start it at log-in"
        say("in the start menu, and in the list of programs with repair and removal")

    def first_starts(self) -> None:
        """Offline in words, killed in the middle, then from the wheelhouse."""
        offline = {"HEARTH_PYTHON": PYTHON, "HTTPS_PROXY": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}
        refused = self._prepare(status=NOT_NOW, environment=offline)
        assert "the network does not answer" in refused, refused
        say("offline, the first start says: " + refused.partition("Hearth: ")[2].partition(" The log")[0])
        begun = self._computer.start(self._program / "Hearth.exe", environment=self._source)
        self._see("preparing")
        self._press("mousemove", *CANCEL, "click", "1")
        assert begun.wait(30).status == GIVEN_UP
        say("given up in its window")
        for after_s in (3.0, 9.0):
            start = self._computer.start(self._program / "Hearth.exe", "/S", "--prepare-only", environment=self._source)
            time.sleep(after_s)  # killed there, wherever that is
            assert start.poll() is None, "it was ready before it could be killed"
            start.kill()
            assert not list((self._base / "runtime").glob("env-*[!t]")), "half an environment has the name of a whole"
        start_s = time.monotonic()
        self._prepare(environment=self._source)
        say(f"killed twice, then made from a wheelhouse: {time.monotonic() - start_s:.1f} s")
        self._hearth("--version", says="Hearth 0")

    def window(self) -> None:
        """The app's window with the wizard's first step, and what the command line says of the node it started."""
        self._computer.start(self._program / "Hearth.exe", environment=self._source)
        took_s = wait("node", self._base / "run" / "door.json")
        self._see("first-step")
        self._press("key", "Return")
        self._see("second-step")
        first, second = (self._picture(name).read_bytes() for name in ("first-step", "second-step"))
        assert first != second, "the wizard does not go on"
        say(f"window and node are there after {took_s:.1f} s; pictures of the wizard are in {self._pictures}")
        status = self._hearth("status", says="no sandbox for this system")
        say("hearth status: " + " ".join(status.split())[:150])
        assert json.loads((self._base / "run" / "door.json").read_text()).keys() == {"port", "token"}

    def upgrade(self) -> None:
        """Over a running app, which is ended by its own word and started again; an older one is refused then."""
        repair = self._computer.run(self._program / "Hearth.exe", "/S", "--repair", "--prepare-only", status=NOT_NOW)
        assert "running" in repair.said, repair.said
        before = (self._base / "run" / "door.json").read_text()
        done = self._computer.run(self._new, "/S", "/AUTOSTART", environment=self._source)
        say(f"upgraded over a running app in {done.took_s:.1f} s")
        assert self._computer.value(RUN, "hearth") == f'"{self._inside("hearth.exe")}" --hidden'
        self._until("a new node", lambda: (door := self._door()) not in {None, before} and door is not None)
        self._hearth("--version", says="Hearth 999.0.0")
        self._hearth("autostart", "status", says="on ")
        environments = [path.name for path in (self._base / "runtime").glob("env-*")]
        assert len(environments) == 2, environments
        say("the new version runs again by itself, in the tray; the environment before it is kept")
        refused = self._computer.run(self._old, "/S", status=NOT_OLDER)
        assert "older" in refused.said, refused.said
        self._hearth("--version", says="Hearth 999.0.0")
        say("the older setup says: " + refused.said.strip().partition(". Nothing")[0])

    def repair(self) -> None:
        self._hearth("stop", "--app", says="Hearth has ended.")
        (library,) = (self._base / "runtime").glob(f"env-{self._id()}/Lib/site-packages/msgspec/__init__.py")
        library.write_text("")
        damaged = self._computer.start(*self._command("status")).wait()
        assert damaged.status != 0, damaged.said
        self._computer.run(self._program / "Hearth.exe", "/S", "--repair", "--prepare-only", environment=self._source)
        self._hearth("status", says="stopped by owner")
        (self._program / "requirements.txt").write_text("")
        refused = self._computer.run(
            self._program / "Hearth.exe", "/S", "--repair", "--prepare-only", status=NOT_NOW, environment=self._source
        )
        assert "Install Hearth again" in refused.said, refused.said
        self._computer.run(self._new, "/S")
        say("a damaged library is repaired; damaged files of Hearth's own are said to be so, and installed again")

    def uninstall(self) -> None:
        """Asked in a window, with the money named; then without one, keeping what is dear, and keeping nothing."""
        asking = self._computer.start(self._program / "Uninstall.exe")
        time.sleep(6)
        self._press("key", "Return")
        self._see("uninstall", after_s=15)
        asking.kill()
        self._computer.shut_down()
        told = self._hearth("uninstall", "--found", says="It holds 0 sat")
        assert [line.partition("\t")[0] for line in told.splitlines()][:3] == ["keys", "wallet", "ledger"], told
        self._remove()
        kept = {Path(name) for name in self._computer.files() - self._bare}
        assert {path.parts[4] for path in kept} == {"ledger.db", "wallet", "recovery-phrase.keyring"} | (
            {path.name for path in kept if path.name.startswith("ledger.db-")}
        ), sorted(kept)
        say("uninstalled: what is kept are keys, wallet and ledger")
        self._computer.run(self._old, "/S")
        self._prepare(environment=self._source)
        self._hearth("status", says="stopped by owner")
        self._remove("/REMOVEDATA")
        left = self._computer.files() - self._bare
        assert left == set(), sorted(left)
        folders = [path for path in self._computer.local.rglob("*") if "hearth" in path.name.lower()]
        assert folders == [], folders
        for key, name in ((UNINSTALL, "DisplayName"), (r"Software\Hearth", "Version"), (RUN, "hearth")):
            assert self._computer.value(key, name) is None, key
        say("uninstalled with /REMOVEDATA: no file, no folder and no registry value is left")

    def _prepare(self, *, environment: dict[str, str], status: int = 0) -> str:
        line = (self._program / "Hearth.exe", "/S", "--prepare-only")
        return self._computer.run(*line, status=status, environment=environment).said

    def _hearth(self, *words: str, says: str) -> str:
        said = self._computer.run(*self._command(*words)).said
        assert says in said, said
        return said

    def _command(self, *words: str) -> tuple[str, ...]:
        return ("cmd", "/c", self._inside("bin/hearth.cmd"), *words)

    def _inside(self, name: str) -> str:
        return self._computer.inside(self._program / name)

    def _id(self) -> str:
        return (self._program / "id").read_text().strip()

    def _door(self) -> str | None:
        door = self._base / "run" / "door.json"
        return door.read_text() if door.exists() else None

    def _picture(self, name: str) -> Path:
        return self._pictures / f"windows-{name}.png"

    def _see(self, name: str, after_s: float = 6) -> None:
        time.sleep(after_s)  # a picture of something that is still being drawn shows nothing
        photograph(self._picture(name))

    @staticmethod
    def _press(*words: str) -> None:
        subprocess.run(["/usr/bin/xdotool", *words], env={"DISPLAY": DISPLAY}, check=True)

    def _remove(self, *words: str) -> None:
        """The uninstaller goes on as a copy of itself when it seems to have ended."""
        start_s = time.monotonic()
        self._computer.run(self._program / "Uninstall.exe", "/S", *words)
        self._until("removal", lambda: not self._program.exists())
        say(f"Uninstall.exe /S {' '.join(words)}: {time.monotonic() - start_s:.1f} s")

    @staticmethod
    def _until(what: str, seen: Callable[[], bool], within_s: float = 240) -> None:
        start_s = time.monotonic()
        while not seen():
            assert time.monotonic() - start_s < within_s, f"no {what} within {within_s:.0f} s"
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "wheels", "installers", "newer"):
        parser.add_argument(f"--{name}", type=lambda text: Path(text).absolute(), required=True)
    parser.add_argument("--pictures", type=Path, default=Path("build/installer"))
    arguments = parser.parse_args()
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    if not arguments.base.exists():
        with tempfile.TemporaryDirectory(dir=arguments.base.parent) as work:
            set_up(Path(work, "computer"), Path(work))
            Path(work, "computer").rename(arguments.base)
    ((old,), (new,)) = (folder.absolute().glob("*-setup.exe") for folder in (arguments.installers, arguments.newer))
    sys.stdout.write("Windows: setup.exe\n")
    with tempfile.TemporaryDirectory(prefix="hearth-windows-", dir=arguments.base.parent) as folder:
        here = Path(folder, "computer")
        subprocess.run(["/bin/cp", "-a", "--reflink=auto", str(arguments.base), str(here)], check=True)
        with display(), switched_on(here, DISPLAY) as computer:
            life = Life(computer, arguments.wheels.absolute(), old, new, arguments.pictures)
            for part in (life.install, life.first_starts, life.window, life.upgrade, life.repair, life.uninstall):
                part()


if __name__ == "__main__":
    main()
