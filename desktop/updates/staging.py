"""Everything about a new version that can be done while the old one works: fetched, laid down beside, rehearsed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.domain.errors import DownloadFailed, SettingsError, UpdateFailed
from desktop.downloads.space import require_room
from desktop.downloads.transfer import Transfer
from desktop.downloads.wanted import Fetched, Progress, Wanted
from desktop.updates.records import Records
from desktop.updates.statement import Artefact
from desktop.updates.versions import Versions

REHEARSE: Final = "--rehearse"
_REHEARSAL_S: Final = 180.0
_UNPACKED: Final = 3  # the file itself, what it unpacks to on the way, and what is laid down
_ENVIRONMENT_BYTES: Final = 600 << 20


class Phase(StrEnum):
    """What is being done."""

    DOWNLOADING = "downloading"
    UNPACKING = "unpacking"
    PREPARING = "preparing"
    REHEARSING = "rehearsing"


Tell = Callable[[Phase, Progress | None], None]


@dataclass(frozen=True, slots=True)
class Staged:
    """A version that lies ready in the folder `name`."""

    name: str
    version: str


class Staging:
    """Blocking: run it in a thread. `folder` is private and holds downloads; what is in it may be deleted any time."""

    def __init__(self, folder: Path, transfer: Transfer) -> None:
        self._folder = folder
        self._transfer = transfer

    def fetch(self, artefact: Artefact, tell: Tell) -> Path:
        """The installer, proved by its sha256; from the first address that has it, resumed where it broke off.

        Raises DownloadFailed with what each address said, DownloadStopped, or StorageUnusable.
        """
        folder = self._folder / artefact.sha256[:16]
        target = folder / artefact.name
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in self._folder.iterdir():
            if other != folder:  # of a version that nobody wants any more
                shutil.rmtree(other, ignore_errors=True)
        require_room(folder, artefact.bytes * _UNPACKED + _ENVIRONMENT_BYTES, f"Hearth's {artefact.name}")
        if target.is_file():
            if _digest(target) == artefact.sha256:
                return target
            target.unlink()
        troubles = []
        for url in artefact.urls:
            try:
                self._fetch(Wanted(url, artefact.bytes, artefact.sha256), target, tell)
            except (DownloadFailed, SettingsError) as error:
                troubles.append(f"{url}: {error}")
            else:
                return target
        raise DownloadFailed("The new version could not be downloaded.", why=" ".join(troubles), now="Try again later.")

    def _fetch(self, wanted: Wanted, target: Path, tell: Tell) -> Fetched:
        return self._transfer.fetch(wanted, target, lambda progress: tell(Phase.DOWNLOADING, progress))

    def stage(self, installer: Path, version: str, versions: Versions, records: Records, tell: Tell) -> Staged:
        """Lay it down beside the version in use, make its environment, and have it open copies of the records.

        Raises UpdateFailed where any of that does not work; nothing that is in use is touched.
        """
        tell(Phase.UNPACKING, None)
        name = versions.lay_down(installer)
        if (found := versions.version_of(name)) != version:
            raise UpdateFailed("The installer holds another version than it was signed for.", why=f"It is {found}.")
        tell(Phase.PREPARING, None)
        versions.prepare(name)
        tell(Phase.REHEARSING, None)
        self._rehearse(name, version, versions, records)
        return Staged(name, version)

    def _rehearse(self, name: str, version: str, versions: Versions, records: Records) -> None:
        folder = self._folder / "rehearsal"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            records.copy_to(folder)
            said = versions.run_in(name, ["update", REHEARSE, str(folder)], _REHEARSAL_S)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if said != version:
            raise UpdateFailed("The new version does not work here.", why=f"It says it is version {said[:40]}.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
