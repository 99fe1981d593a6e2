"""The window in the tray when its owner logs in to a desktop: an entry in `autostart` of the config folder.

Sources: freedesktop.org's Desktop Application Autostart and Desktop Entry specifications. An entry that the desktop's
own tools have switched off (`Hidden`, `X-GNOME-Autostart-enabled`) is off here too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from desktop.domain.errors import SettingsError
from desktop.machine.autostart.autostart_file import is_program, is_text, read_text, remove, write_text
from desktop.machine.autostart.switch import Kind, Standing

_HEAD: Final = "[Desktop Entry]"
# What the specification reserves: an argument with any of these must be quoted.
_RESERVED: Final = frozenset(" \t\n\"'\\><~|&;$*?#()`")
_QUOTED: Final = frozenset('"`$\\')
_FIRST_ARGUMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^ "]+)', re.DOTALL)
_ESCAPES: Final = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


class DesktopEntry:
    """The entry `<name>.desktop`, which starts `command`."""

    def __init__(self, folder: Path, name: str, command: Sequence[str]) -> None:
        self._path = folder / f"{name}.desktop"
        self._command = tuple(command)

    def standing(self) -> Standing:
        """As `Autostart.standing`."""
        return Standing(Kind.WINDOW, _is_on(self._keys()), str(self._path))

    def switch(self, *, on: bool) -> None:
        """As `Autostart.switch`."""
        if on:
            write_text(self._path, entry_of(self._command))
        else:
            remove(self._path)

    def repair(self) -> bool:
        """As `Autostart.repair`."""
        keys = self._keys()
        if not _is_on(keys) or is_program(program_in(keys.get("Exec", ""))):
            return False
        self.switch(on=True)
        return True

    def _keys(self) -> dict[str, str]:
        """The keys of the entry; none where there is no entry."""
        text = read_text(self._path) or ""
        _, _, group = text.partition(f"{_HEAD}\n")
        keys: dict[str, str] = {}
        for line in group.splitlines():
            if line.startswith("["):
                break
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                keys[name.strip()] = value.strip()
        return keys


def entry_of(command: Sequence[str]) -> str:
    """The whole entry. SettingsError for a path that no entry can hold."""
    return "\n".join((
        _HEAD,
        "Type=Application",
        "Version=1.1",
        "Name=Hearth",
        "Comment=Lend this computer's idle power to an open AI network and get paid for it",
        f"Exec={exec_line(command)}",
        "Icon=hearth",
        "Terminal=false",
        "StartupNotify=false",
        "X-GNOME-Autostart-enabled=true",
        "",
    ))  # fmt: skip


def exec_line(command: Sequence[str]) -> str:
    """A command as the value of `Exec`: quoted, its field codes made harmless, then escaped as a string."""
    joined = " ".join(_quoted(argument.replace("%", "%%")) for argument in command)
    return joined.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def program_in(value: str) -> str:
    """The program that a value of `Exec` starts; "" if it follows no rule."""
    unescaped = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), value)
    found = _FIRST_ARGUMENT.match(unescaped)
    if found is None:
        return ""
    program = found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)
    return program.replace("%%", "%")


def _quoted(argument: str) -> str:
    if not is_text(argument):
        raise SettingsError(
            "Hearth cannot be started with this computer from where it is.",
            why="The name of its folder is not text.",
            now="Move it to a folder with a simple name.",
        )
    if argument and not _RESERVED & set(argument):
        return argument
    escaped = "".join(f"\\{letter}" if letter in _QUOTED else letter for letter in argument)
    return f'"{escaped}"'


def _is_on(keys: dict[str, str]) -> bool:
    return bool(keys) and keys.get("Hidden") != "true" and keys.get("X-GNOME-Autostart-enabled") != "false"
