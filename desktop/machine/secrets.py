"""The recovery phrase at rest: in the operating system's keyring, or in a file only its owner can read.

A small file in the data folder says where the phrase is. So "there is no phrase yet" and "the keyring does not answer
now" are never mistaken for each other: the second must not end in a new identity and an empty wallet.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.keyrings import Keyring, KeyringFailed

if sys.platform == "win32":
    from desktop.machine.windows import intruders
else:
    from desktop.machine.linux import intruders

_PHRASE_FILE: Final = "recovery-phrase"
_POINTER_FILE: Final = "recovery-phrase.keyring"
_MOST_BYTES: Final = 1024
# Neither a link to somewhere else nor a pipe that never answers; Windows has no such flags.
_READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Place(StrEnum):
    """Where a phrase is kept."""

    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class StoredPhrase:
    """A recovery phrase and where it was found or put; printing it shows the place only."""

    phrase: str = field(repr=False)
    place: Place


class PhraseStore:
    """Keeps one recovery phrase per data folder. `keyring` is None where there is none, or none is wanted."""

    def __init__(self, folder: Path, keyring: Keyring | None) -> None:
        self._file = folder / _PHRASE_FILE
        self._pointer = folder / _POINTER_FILE
        self._keyring = keyring

    def load(self) -> StoredPhrase | None:
        """The phrase of this data folder; None if none was ever stored.

        Raises:
            StorageUnusable: there is one, but it cannot be had now, or others could have read it.
        """
        account = _read_private(self._pointer)
        if account is not None:
            return StoredPhrase(self._from_keyring(account), Place.KEYRING)
        phrase = _read_private(self._file)
        return None if phrase is None else StoredPhrase(phrase, Place.FILE)

    def save(self, phrase: str) -> StoredPhrase:
        """Keep a phrase: in the keyring if it takes it, else in a file; says which. Returns once it is on disk.

        Raises:
            SettingsError: there is a phrase already; it may be the only way to somebody's money.
            StorageUnusable: neither place takes it.
        """
        if os.path.lexists(self._file) or os.path.lexists(self._pointer):
            raise SettingsError(
                f"{self._file.parent} already has an identity.",
                why="Its recovery phrase is the only way to the money in its wallet.",
                now="Use another place with --home.",
            )
        if self._keyring is not None:
            # A name of its own per folder: two nodes of one user, or one moved elsewhere, never mix up.
            account = secrets.token_hex(8)
            with suppress(KeyringFailed):
                self._keyring.write(account, phrase)
                _write_private(self._pointer, account)
                return StoredPhrase(phrase, Place.KEYRING)
        _write_private(self._file, phrase)
        return StoredPhrase(phrase, Place.FILE)

    def _from_keyring(self, account: str) -> str:
        advice = (
            "Unlock the keyring (log in to the desktop) and start again, or restore from the phrase on paper into an "
            "empty place with --home."
        )
        what = "The recovery phrase is in the system's keyring, which does not give it out."
        if self._keyring is None:
            raise StorageUnusable(what, why="There is no keyring in this session.", now=advice)
        try:
            phrase = self._keyring.read(account)
        except KeyringFailed as error:
            raise StorageUnusable(what, why=str(error), now=advice) from error
        if phrase is None:
            raise StorageUnusable(what, why="The keyring has no such entry any more.", now=advice)
        return phrase


def _read_private(path: Path) -> str | None:
    """The one line of a file that nobody else may read; None if there is no such file."""
    try:
        descriptor = os.open(path, _READ_FLAGS)
        try:
            status = os.fstat(descriptor)
            content = os.read(descriptor, _MOST_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, f"The system says: {error.strerror}.") from error
    if reason := intruders(status):
        raise _unusable(path, reason, now=f"If you trust them: chmod 600 {path}. If not, move the money first.")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > _MOST_BYTES:
        raise _unusable(
            path, "Its content is damaged.", now="Restore from the phrase on paper into an empty place with --home."
        )
    return text


def _write_private(path: Path, text: str) -> None:
    """Put one line where only this user can read it: all of it or nothing, and on disk before this returns."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - the descriptor was opened with its final mode
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _unusable(path, f"The system says: {error.strerror}.") from error


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # Windows has no handle on a folder to flush, and needs none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, why: str, now: str = "Check the folder and the disk it is on.") -> StorageUnusable:
    return StorageUnusable(f"{path} cannot be used.", why=why, now=now)
