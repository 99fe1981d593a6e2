"""A user with a per-user Hearth: the real launcher and installer scripts, and real processes of this code.

Only `uv` acts its part. Another version is the same code under another number (`tests/fakes/other_version.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.messages import Update, Watch
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import Unavailable
from desktop.domain.node_state import NodeState
from desktop.updates.installation import find_installation
from installer.linux.tree import FILES, LAUNCHER
from installer.payload.contents import write_sums
from tests.fakes.content_server import ContentServer
from tests.fakes.publisher import FakePublisher, artefact

UV = """#!/bin/sh
case $1 in
    venv)
        for part; do :; done
        mkdir -p "$part/bin"
        cp "$HOME/python" "$part/bin/python" ;;
    pip)
        for file; do :; done
        cp "$file" "$(dirname "$(dirname "$4")")/$file" ;;
esac
"""
PYTHON = """#!/bin/sh
here=$(dirname "$(dirname "$0")")
[ -e "$here/requirements.txt" ] && [ -e "$here/app.txt" ] || {{ echo "half an environment" >&2; exit 99; }}
case $0 in *.part/*) exit 0 ;; esac
exec {python} {other} "$HOME" "$(cat "$here/app.txt")" "$@"
"""
RUN = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
exec /bin/sh "{folder}/install" "$@"
# {padding}
"""
SETTINGS = """\
relays = []
mints = []
wire = "disabled"
update_sources = ["{url}/latest.json"]
"""


@dataclass
class Household:
    """`root` is a folder of a test; versions are laid down by `install`, offered by `offer`, run by `run`."""

    root: Path
    sockets: Path  # the name of a socket must be short
    server: ContentServer
    publisher: FakePublisher
    now_s: Callable[[], int]

    @property
    def home(self) -> Path:
        return self.root / "a user"

    @property
    def data(self) -> Path:
        return self.home / ".local/share/hearth"

    @property
    def command(self) -> Path:
        return self.home / ".local/bin/hearth"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "HEARTH_AS_ROOT": "1",
            "XDG_RUNTIME_DIR": str(self.sockets),
        }

    def version(self) -> str:
        """The version in use."""
        return (self.data / "app/version").read_text().strip()

    def move_in(self, version: str) -> None:
        """Install that version, by its installer, and start it once."""
        self.home.mkdir()
        python = self.home / "python"
        other = Path(__file__).parents[1] / "fakes/other_version.py"
        python.write_text(PYTHON.format(python=sys.executable, other=other))
        python.chmod(0o755)
        key = self.publisher.publishers.each[0]
        (self.home / "publishers.toml").write_text(
            f'[[publisher]]\nname = "test"\nsigns = "{key.signs}"\nnostr = "{key.nostr}"\n'
        )
        config = self.home / ".config/hearth"
        config.mkdir(parents=True, mode=0o700)
        (config / "settings.toml").write_text(SETTINGS.format(url=self.server.url))
        subprocess.run(
            ["/bin/sh", str(self._unpacked(version) / "install")], env=self.environ, check=True, capture_output=True
        )
        done = self.run("--version")
        assert done.stdout == f"Hearth {version}\n", done.stderr

    def offer(self, version: str, *, ails: str = "", **changes: object) -> None:
        """The publisher offers that version."""
        (self.home / f"ails-{version}").write_text(ails)
        run = RUN.format(folder=self._unpacked(version), padding="x" * 200_000).encode()
        self.server.files["/hearth.run"] = run
        told = artefact(
            version,
            machine=find_installation({}).machine,
            bytes=len(run),
            sha256=hashlib.sha256(run).hexdigest(),
            urls=[f"{self.server.url}/hearth.run"],
        )
        now_s = self.now_s()
        times = {"issued_s": now_s, "expires_s": now_s + 86_400, "artefacts": [told]}
        self.server.files["/latest.json"] = self.publisher.latest(version, **(times | changes))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.command, *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    async def picture(self) -> Snapshot | None:
        """What the running node tells; None where none answers."""
        try:
            async with DoorClient(door_in(self.sockets / "hearth")) as door:
                told = await door.ask(lambda number: Watch(id=number))
        except Unavailable:
            return None
        assert isinstance(told, Snapshot)
        return told

    async def until_it_answers(self, version: str = "", within_s: float = 60.0) -> Snapshot:
        """The first picture of a node that has started and decided; of that version, if one is named."""
        async with asyncio.timeout(within_s):
            while True:
                told = await self.picture()
                starts = told is None or told.status.state is NodeState.STARTING
                if told is not None and not starts and version in {"", told.node.version}:
                    return told
                await asyncio.sleep(0.05)

    async def update_from_the_window(self, within_s: float = 60.0) -> None:
        """Look, and install what there is, through the door of the running node; returns when it begins to end."""

        def in_phase(*phases: str) -> Callable[[Snapshot], bool]:
            return lambda seen: seen.renewal is not None and seen.renewal.phase in phases

        async with asyncio.timeout(within_s), DoorClient(door_in(self.sockets / "hearth")) as door:
            await door.ask(lambda number: Watch(id=number))
            await door.ask(lambda number: Update(id=number, act="look"))
            found = await door.wait_until(in_phase("ready", "failed"))
            assert found.renewal is not None
            assert found.renewal.phase == "ready", found.renewal
            await door.ask(lambda number: Update(id=number, act="install"))
            ending = await door.wait_until(in_phase("changing", "failed"))
            assert ending.renewal is not None
            assert ending.renewal.phase == "changing", ending.renewal

    def _unpacked(self, version: str) -> Path:
        """What the installer of that version holds."""
        folder = self.root / f"installer {version}"
        if folder.exists():
            return folder
        app = folder / "app"
        app.mkdir(parents=True)
        for script in LAUNCHER.iterdir():
            shutil.copy(script, app)
        (app / "uv").write_text(UV)
        (app / "uv").chmod(0o755)
        (app / "requirements.txt").write_text("")
        (app / "app.txt").write_text(version)
        (app / "version").write_text(version + "\n")
        (app / "id").write_text(hashlib.sha256(version.encode()).hexdigest()[:16] + "\n")
        write_sums(app)
        (folder / "share/applications").mkdir(parents=True)
        (folder / "share/applications/hearth.desktop").write_text(f"Exec=hearth\nX-Version={version}\n")
        for name in ("install", "use", "hearth.service"):
            shutil.copy(FILES / name, folder)
        return folder
