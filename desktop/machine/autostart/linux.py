"""Autostart on Linux."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop.machine.autostart.switch import Autostart, Kind, command_for
from desktop.machine.autostart.systemd import UserUnit
from desktop.machine.autostart.xdg import DesktopEntry

_LINGERING = Path("/var/lib/systemd/linger")


def autostarts(
    environ: Mapping[str, str], user: Path, name: str, program: Sequence[str], home: Path | None
) -> tuple[Autostart, ...]:
    """Every kind there is here, the usual one first."""
    named = environ.get("XDG_CONFIG_HOME", "")
    config = Path(named) if named.startswith("/") else user / ".config"
    return (
        DesktopEntry(config / "autostart", name, command_for(Kind.WINDOW, program, home)),
        UserUnit(config / "systemd" / "user", name, command_for(Kind.NODE, program, home), lingers=_lingers),
    )


def _lingers() -> bool:
    try:
        return (_LINGERING / pwd.getpwuid(os.getuid()).pw_name).exists()
    except (KeyError, OSError):
        return False
