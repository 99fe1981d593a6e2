"""What can be asked of every kind of autostart."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from desktop.domain.errors import HearthError


class Kind(StrEnum):
    """What is started."""

    WINDOW = "window"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether it is on, where that is written, and in words what else the owner must do; empty if nothing."""

    kind: Kind
    on: bool
    place: str
    advice: str = ""


class Autostart(Protocol):
    """One place where a system looks for what to start. Every method may raise StorageUnusable."""

    def standing(self) -> Standing:
        """Whether it is on now."""
        ...

    def switch(self, *, on: bool) -> None:
        """Turn it on for the program that runs now, or off."""
        ...

    def repair(self) -> bool:
        """If it is on and names a program that is no longer there, name this one; whether that was needed."""
        ...


@dataclass(frozen=True, slots=True)
class AtLogin:
    """One autostart as a plain switch, for the window."""

    autostart: Autostart

    def is_on(self) -> bool:
        """Whether it is on. May raise StorageUnusable."""
        return self.autostart.standing().on

    def switch(self, *, on: bool) -> None:
        """Turn it on or off. May raise StorageUnusable or SettingsError."""
        self.autostart.switch(on=on)


def repair_all(autostarts: Sequence[Autostart]) -> None:
    """Repair what can be: a place that cannot be written must not keep Hearth from starting."""
    for autostart in autostarts:
        with suppress(HearthError):
            autostart.repair()


def program_of(environ: Mapping[str, str], interpreter: Path) -> tuple[str, ...]:
    """The command by which this Hearth is started: its installer's, the one beside Python, or Python's own."""
    suffix = ".exe" if sys.platform == "win32" else ""
    beside = [_in_use(Path(environ["HEARTH_PAYLOAD"]))] if environ.get("HEARTH_PAYLOAD") else []
    beside.append(interpreter.parent)
    for folder in beside:
        launcher = folder / f"hearth{suffix}"
        if launcher.is_file() and os.access(launcher, os.X_OK):
            return (str(launcher),)
    return (str(interpreter), "-m", "desktop")


def _in_use(payload: Path) -> Path:
    """Where versions lie side by side, the link to the one in use: an update must not leave an autostart behind."""
    link = payload.parent / "app"
    return link if payload.name.startswith("app-") and link.is_symlink() else payload


def command_for(kind: Kind, program: Sequence[str], home: Path | None) -> tuple[str, ...]:
    """What is started at log-in: the window hidden in the tray, or the node alone; with the owner's `--home`."""
    own = () if home is None else ("--home", str(home.absolute()))
    return (*program, "--hidden", *own) if kind is Kind.WINDOW else (*program, "node", *own)
