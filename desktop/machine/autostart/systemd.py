"""The node without a window: a unit of the user's own systemd, started when the user's first session begins.

A computer where nobody logs in needs `loginctl enable-linger` as well, which only its administrator may allow; the
advice says so. The unit has no weight of its own: in the slice of the owner's other programs the worker's low priority
counts against them, in a group of its own it would count for nothing. Source: systemd.service(5), systemd.syntax(7).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from desktop.domain.errors import SettingsError
from desktop.machine.autostart.autostart_file import is_program, is_text, link, read_text, remove, write_text
from desktop.machine.autostart.switch import Kind, Standing

_UNTAKEN: Final = frozenset("\"'\\")
_SHELL: Final = ("/bin/sh", "-c", 'exec "$0" "$@"')


class UserUnit:
    """The unit `<name>.service` in `folder`, which runs `command`. `lingers`: it needs no log-in."""

    def __init__(self, folder: Path, name: str, command: Sequence[str], *, lingers: Callable[[], bool]) -> None:
        self._unit = folder / f"{name}.service"
        self._wanted = folder / "default.target.wants" / self._unit.name
        self._command = tuple(command)
        self._lingers = lingers

    def standing(self) -> Standing:
        """As `Autostart.standing`."""
        on = self._wanted.is_symlink() and self._unit.exists()
        advice = ""
        if on and not self._lingers():
            advice = "It starts when you log in. To start it with the computer: loginctl enable-linger"
        return Standing(Kind.NODE, on, str(self._unit), advice)

    def switch(self, *, on: bool) -> None:
        """As `Autostart.switch`. A node that runs now is neither started nor stopped by it."""
        if on:
            write_text(self._unit, unit_of(self._command))
            link(self._wanted, self._unit)
        else:
            remove(self._wanted)
            remove(self._unit)

    def repair(self) -> bool:
        """As `Autostart.repair`."""
        if not self.standing().on or is_program(_program_in(read_text(self._unit) or "")):
            return False
        self.switch(on=True)
        return True


def unit_of(command: Sequence[str]) -> str:
    """The whole unit. SettingsError for a path that no unit can hold."""
    return "\n".join((
        "[Unit]",
        "Description=Hearth, lending this computer's idle power",
        "StartLimitIntervalSec=600",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=exec",
        # The colon: nothing in the command is a variable.
        f"ExecStart=:{' '.join(map(_quoted, _startable(command)))}",
        "Restart=on-failure",
        "RestartSec=30",
        "TimeoutStopSec=15",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ))  # fmt: skip


def _startable(command: Sequence[str]) -> tuple[str, ...]:
    """Through a shell where the path has quotes or backslashes: systemd takes those in an argument only."""
    return (*_SHELL, *command) if _UNTAKEN & set(command[0]) else tuple(command)


def _quoted(argument: str) -> str:
    if not is_text(argument) or any(letter < " " for letter in argument):
        raise SettingsError(
            "Hearth cannot be started with this computer from where it is.",
            why="The name of its folder holds a character that systemd does not take.",
            now="Move it to a folder with a simple name.",
        )
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _program_in(unit: str) -> str:
    line = next((line for line in unit.splitlines() if line.startswith("ExecStart=:")), "")
    try:
        words = shlex.split(line.removeprefix("ExecStart=:"))
    except ValueError:
        return ""
    if tuple(words[: len(_SHELL)]) == _SHELL:
        words = words[len(_SHELL) :]
    return words[0].replace("%%", "%") if words else ""
