"""Autostart on Windows."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("this module is for Windows")

import winreg
from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop.domain.errors import StorageUnusable
from desktop.machine.autostart.run_key import RunKey
from desktop.machine.autostart.switch import Autostart, Kind, command_for


class UserRegistry:
    """As `run_key.Registry`."""

    def read(self, key: str, name: str) -> str | bytes | None:
        """As `Registry.read`."""
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                value, _ = winreg.QueryValueEx(opened, name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(key, error) from error
        return value if isinstance(value, str | bytes) else None

    def write(self, key: str, name: str, value: str) -> None:
        """As `Registry.write`."""
        try:
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, value)
        except OSError as error:
            raise _unusable(key, error) from error

    def delete(self, key: str, name: str) -> None:
        """As `Registry.delete`."""
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:
                winreg.DeleteValue(opened, name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(key, error) from error


def autostarts(
    environ: Mapping[str, str],  # noqa: ARG001 - the signature is shared with linux.py
    user: Path,  # noqa: ARG001 - same
    name: str,
    program: Sequence[str],
    home: Path | None,
) -> tuple[Autostart, ...]:
    """Every kind there is here, the usual one first."""
    return (RunKey(UserRegistry(), name, command_for(Kind.WINDOW, program, home)),)


def _unusable(key: str, error: OSError) -> StorageUnusable:
    return StorageUnusable(
        rf"The registry's HKEY_CURRENT_USER\{key} cannot be used.",
        why=f"The system says: {error.strerror}.",
        now="Ask whoever administers this computer.",
    )
