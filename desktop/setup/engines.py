"""The installed build of torch: a folder of its own beside the app, which an update of the app leaves alone."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:  # a node looks for its engine at each start, and lists no packages
    from desktop.setup.packing_list import Wheel


class Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is installed: in which folder, which build, what the trial said, and for which requirements."""

    folder: str
    build: str
    torch: str
    device: str
    requirements: str
    at_ms: int


class Engines:
    """The folder `root` of engines; at most one is in use, named by a note that is written last and at once.

    `lock` is the file to lock while one is set up.
    """

    def __init__(self, root: Path, write: Callable[[Path, str], None]) -> None:
        self.root = root
        self._write = write
        self._note = root / "engine.json"
        self.lock = root / "engine.lock"

    def current(self, requirements: Sequence[str]) -> Engine | None:
        """The engine in use, if it is there and was made for these requirements."""
        try:
            engine = msgspec.json.decode(self._note.read_bytes(), type=Engine)
        except (OSError, msgspec.MsgspecError):
            return None
        whole = engine.requirements == fingerprint(requirements) and (self.root / engine.folder / "torch").is_dir()
        return engine if whole else None

    def path(self, engine: Engine) -> Path:
        """Where its packages lie, to be put on the worker's path."""
        return self.root / engine.folder

    def wheels(self) -> Path:
        """Where files wait to be installed."""
        return self.root / "wheels"

    def part(self) -> Path:
        """A new, empty folder to install into. Raises OSError."""
        part = self.root / "engine.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        return part

    def adopt(self, part: Path, engine: Engine) -> None:
        """Take `part`, which was tried, as the engine, and let the one before and all wheels go. Raises OSError."""
        before = self._noted()
        folder = self.root / engine.folder
        if folder.exists():
            # The name comes from the wheels: it is the same build, repaired. Without its note it is not in use.
            self._note.unlink(missing_ok=True)
            shutil.rmtree(folder)
        part.replace(folder)
        self._write(self._note, msgspec.json.encode(engine).decode())
        shutil.rmtree(self.wheels(), ignore_errors=True)
        if before is not None and before.folder != engine.folder:
            # On Windows a worker may hold the old files for a moment: they go at the next set-up.
            shutil.rmtree(self.root / before.folder, ignore_errors=True)

    def _noted(self) -> Engine | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Engine)
        except (OSError, msgspec.MsgspecError):
            return None


def folder_name(build: str, wheels: Sequence[Wheel]) -> str:
    """A name that changes when any file does."""
    digest = hashlib.sha256("\n".join(sorted(wheel.sha256 for wheel in wheels)).encode()).hexdigest()
    return f"{build}-{digest[:12]}"


def fingerprint(requirements: Sequence[str]) -> str:
    """What tells one list of requirements from another."""
    return hashlib.sha256("\n".join(sorted(requirements)).encode()).hexdigest()[:16]


def comes_with_torch() -> bool:
    """Whether this very Python has torch, as that of a checkout does. It is looked for, not loaded."""
    return importlib.util.find_spec("torch") is not None
