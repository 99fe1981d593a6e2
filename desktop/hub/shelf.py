"""The models that were fetched: each pinned by a record made at its first download, in a folder the owner chose."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop.domain.errors import StorageUnusable
from desktop.worker.models.catalogue import CatalogueEntry


@dataclass(frozen=True, slots=True)
class Held:
    """A fetched model and what it takes on the disk. `used_ms`: when it was last served, else fetched."""

    entry: CatalogueEntry
    bytes: int
    used_ms: int


class Shelf:
    """Records below `records` (small, kept with the app's data) and folders of files below `folder`.

    A record is what makes a model known; it is written after all its files are there, and set aside before they go:
    what the first download brought is what a later one is held to.
    """

    def __init__(self, records: Path, folder: Path, write: Callable[[Path, str], None]) -> None:
        self._records = records
        self.folder = folder
        self._write = write

    def entries(self) -> tuple[CatalogueEntry, ...]:
        """Every recorded model; a record that cannot be read is as if it were not there."""
        found = []
        for path in sorted(self._records.glob("*.json")):
            try:
                entry = msgspec.json.decode(path.read_bytes(), type=CatalogueEntry)
            except (OSError, msgspec.MsgspecError):
                continue
            if entry.id == path.stem:
                found.append(entry)
        return tuple(found)

    def held(self) -> tuple[Held, ...]:
        """Every recorded model with its size and age, the longest unused first."""
        found = [Held(entry, sum(file.bytes for file in entry.files), self._used_ms(entry)) for entry in self.entries()]
        return tuple(sorted(found, key=lambda each: each.used_ms))

    def folder_of(self, entry: CatalogueEntry) -> Path:
        """Where its files lie."""
        return self.folder / f"{entry.id}-{entry.digest[:12]}"

    def unfinished(self, model_id: str) -> Path:
        """Where the files of a model arrive, whatever version of it: each is proved before it is used.

        A folder of the model that no record knows was finished by a process that was killed then: it is taken up.
        """
        part = self.folder / f"{model_id}.part"
        known = {self.folder_of(entry) for entry in self.entries()}
        for stray in self.folder.glob(f"{model_id}-*"):
            # The rest of the name is twelve hexadecimal digits: another model's id may begin with this one's.
            if stray not in known and re.fullmatch(r"[0-9a-f]{12}", stray.name[len(model_id) + 1 :]):
                if part.exists():
                    shutil.rmtree(stray)
                else:
                    stray.rename(part)
        return part

    def lock(self, model_id: str) -> Path:
        """The file to lock while the model is fetched."""
        return self._records / f"{model_id}.lock"

    def put(self, entry: CatalogueEntry) -> None:
        """Make it known."""
        self._records.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write(self._record(entry.id), msgspec.json.encode(entry).decode())

    def used(self, entry: CatalogueEntry) -> None:
        """It is being served now."""
        try:
            os.utime(self._record(entry.id))
        except OSError:
            return  # the age is for advice only

    def remove(self, entry: CatalogueEntry) -> None:
        """Delete its files; what they were stays written down. Raises StorageUnusable."""
        try:
            with suppress(FileNotFoundError):
                self._record(entry.id).replace(self._pin(entry.id))
            folder = self.folder_of(entry)
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise StorageUnusable(f"{entry.name} could not be removed.", why=f"{error.strerror}.") from error

    def pinned(self, model_id: str) -> CatalogueEntry | None:
        """The model as it was when it was here before; None for one that never was."""
        try:
            return msgspec.json.decode(self._pin(model_id).read_bytes(), type=CatalogueEntry)
        except (OSError, msgspec.MsgspecError):
            return None

    def forget(self, model_id: str) -> None:
        """Hold the next download of that model to nothing."""
        self._pin(model_id).unlink(missing_ok=True)

    def _used_ms(self, entry: CatalogueEntry) -> int:
        try:
            return int(self._record(entry.id).stat().st_mtime * 1000)
        except OSError:
            return 0

    def _record(self, model_id: str) -> Path:
        return self._records / f"{model_id}.json"

    def _pin(self, model_id: str) -> Path:
        return self._records / f"{model_id}.pin"
