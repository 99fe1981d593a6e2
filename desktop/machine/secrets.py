"""The recovery phrase at rest: in the operating system's keyring, or in a file only its owner can read.

A small file in the data folder says where the phrase is. So "there is no phrase yet" and "the keyring does not answer
now" are never mistaken for each other: the second must not end in a new identity and an empty wallet.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.keyrings import Keyring, KeyringFailed
from desktop.machine.private_file import read_private, write_private

_PHRASE_FILE: Final = "recovery-phrase"
_POINTER_FILE: Final = "recovery-phrase.keyring"


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

    @staticmethod
    def is_in_file(folder: Path) -> bool:
        """Whether the phrase of that folder is in a file, so that nobody need look for a keyring."""
        return os.path.lexists(folder / _PHRASE_FILE) and not os.path.lexists(folder / _POINTER_FILE)

    def load(self) -> StoredPhrase | None:
        """The phrase of this data folder; None if none was ever stored.

        Raises:
            StorageUnusable: there is one, but it cannot be had now, or others could have read it.
        """
        account = _read_line(self._pointer)
        if account is not None:
            return StoredPhrase(self._from_keyring(account), Place.KEYRING)
        phrase = _read_line(self._file)
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
                write_private(self._pointer, account + "\n")
                return StoredPhrase(phrase, Place.KEYRING)
        write_private(self._file, phrase + "\n")
        return StoredPhrase(phrase, Place.FILE)

    def erase(self) -> None:
        """Forget the phrase for good. Raises StorageUnusable, with nothing lost, if the keyring keeps it."""
        account = _read_line(self._pointer)
        if account is not None:
            refusal = "There is no keyring in this session."
            try:
                if self._keyring is not None:
                    self._keyring.forget(account)
                    refusal = ""
            except KeyringFailed as error:
                refusal = str(error)
            if refusal:
                raise StorageUnusable(
                    "The recovery phrase is in the system's keyring, which does not let go of it.",
                    why=refusal,
                    now="Unlock the keyring (log in to the desktop) and try again.",
                )
        self._pointer.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

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


def _read_line(path: Path) -> str | None:
    content = read_private(path)
    if content is None:
        return None
    try:
        line = content.decode().strip()
    except UnicodeDecodeError:
        line = ""
    if not line:
        raise StorageUnusable(
            f"{path} is damaged.", now="Restore from the phrase on paper into an empty place with --home."
        )
    return line
