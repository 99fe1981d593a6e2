"""What only the window remembers: one small file of the user's."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Preferences(msgspec.Struct, kw_only=True):
    """Choices of the view; everything that concerns the work is a setting of the node."""

    theme: str = "system"
    language: str = "system"
    welcomed: bool = False
    told_about_closing: bool = False
    told_first_job: bool = False
    notify_first_job: bool = True
    notify_trouble: bool = True
    notify_update: bool = True
    told_update: str = ""


class PreferencesFile:
    """Reads once, writes whole files. One that cannot be read is kept aside as `….unreadable`; `set_aside` says so."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_aside: Path | None = None
        self.values = self._read()

    def save(self) -> None:
        """Write the values. A disk that refuses costs the choice, not the window."""
        beside = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.json.format(msgspec.json.encode(self.values)))
            beside.replace(self._file)
        except OSError:
            beside.unlink(missing_ok=True)

    def _read(self) -> Preferences:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Preferences)
        except FileNotFoundError:
            return Preferences()
        except (OSError, msgspec.MsgspecError):
            aside = self._file.with_suffix(".unreadable")
            try:
                self._file.replace(aside)
            except OSError:
                return Preferences()
            self.set_aside = aside
            return Preferences()
