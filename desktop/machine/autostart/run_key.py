"""The window in the tray when its owner logs in to Windows: a value of the user's Run key.

Windows keeps apart whether the owner has switched such a value off in the task manager (`StartupApproved`); a value
that is switched off there is off here too, and turning it on here turns it on there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Final, Protocol

from desktop.machine.autostart.autostart_file import is_program
from desktop.machine.autostart.switch import Kind, Standing

RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


class Registry(Protocol):
    """Values below HKEY_CURRENT_USER. Every method may raise StorageUnusable."""

    def read(self, key: str, name: str) -> str | bytes | None:
        """The value, None if there is none."""
        ...

    def write(self, key: str, name: str, value: str) -> None:
        """Make it a text."""
        ...

    def delete(self, key: str, name: str) -> None:
        """Take it away, if it is there."""
        ...


class RunKey:
    """The value `name`, which starts `command`."""

    def __init__(self, registry: Registry, name: str, command: Sequence[str]) -> None:
        self._registry = registry
        self._name = name
        self._command = tuple(command)

    def standing(self) -> Standing:
        """As `Autostart.standing`."""
        approved = self._registry.read(APPROVED, self._name)
        # The first byte: even is allowed, odd is switched off by the owner.
        refused = isinstance(approved, bytes) and approved[:1] and approved[0] % 2 == 1
        on = self._value() is not None and not refused
        return Standing(Kind.WINDOW, on, rf"HKEY_CURRENT_USER\{RUN}\{self._name}")

    def switch(self, *, on: bool) -> None:
        """As `Autostart.switch`."""
        if on:
            self._registry.write(RUN, self._name, subprocess.list2cmdline(self._command))
        else:
            self._registry.delete(RUN, self._name)
        self._registry.delete(APPROVED, self._name)

    def repair(self) -> bool:
        """As `Autostart.repair`."""
        value = self._value()
        if value is None or is_program(_program_in(value)):
            return False
        # What the task manager says stays as it is.
        self._registry.write(RUN, self._name, subprocess.list2cmdline(self._command))
        return True

    def _value(self) -> str | None:
        value = self._registry.read(RUN, self._name)
        return value if isinstance(value, str) else None


def _program_in(line: str) -> str:
    """The first word of a command line as Windows reads it: up to the closing quote, or to the first space."""
    return line[1:].partition('"')[0] if line.startswith('"') else line.partition(" ")[0]
