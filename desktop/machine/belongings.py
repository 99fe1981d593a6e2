"""What Hearth keeps for one user, sorted by what it would cost to lose it; and taking it away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.domain.errors import StorageUnusable
from desktop.machine.paths import Paths
from desktop.machine.secrets import PhraseStore


class Belonging(StrEnum):
    """What nobody can fetch again."""

    KEYS = "keys"
    WALLET = "wallet"
    LEDGER = "ledger"


_FILES: Final = {
    Belonging.KEYS: ("recovery-phrase", "recovery-phrase.keyring"),
    Belonging.WALLET: ("wallet", "claims"),
    Belonging.LEDGER: ("ledger.db", "ledger.db-wal", "ledger.db-shm"),
}
_PROGRAM: Final = ("runtime", "app")
"""The program itself, where it is installed for one user: its installer's to take away. `app-…` are its versions."""


class Belongings:
    """The folders of one Hearth. `phrases` keeps its recovery phrase, wherever that is."""

    def __init__(self, paths: Paths, phrases: PhraseStore) -> None:
        self._paths = paths
        self._phrases = phrases

    def found(self) -> tuple[Belonging, ...]:
        """What there is to lose here."""
        data = self._paths.data
        return tuple(each for each in Belonging if any(os.path.lexists(data / name) for name in _FILES[each]))

    def remove(self, keep: Collection[Belonging]) -> tuple[Path, ...]:
        """Take everything away but what is to be kept and the program itself; returns what is still there of it.

        Raises StorageUnusable, with what there was still there, if a file or the keyring does not let go. Nothing may
        be running in these folders.
        """
        if Belonging.KEYS not in keep:
            self._phrases.erase()
        kept = {name for each in keep for name in _FILES[each]}
        paths = self._paths
        for path in sorted(paths.data.iterdir()) if paths.data.is_dir() else ():
            if path.name not in {*kept, *_PROGRAM} and not path.name.startswith("app-"):
                _remove(path)
        for folder in (paths.config, paths.cache, paths.log, paths.runtime):
            _remove(folder)
        left = tuple(path for path in sorted(paths.data.iterdir()) if path.name in kept)
        if not any(paths.data.iterdir()):
            paths.data.rmdir()
        return left


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnusable(
            f"{path} could not be removed.",
            why=f"The system says: {error.strerror}.",
            now="Close what uses it, and try again; what is gone already stays gone.",
        ) from error
