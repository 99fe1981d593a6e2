"""Models made ready for the worker: prepared once from their package, checked at every start."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from desktop.domain.errors import StorageUnusable, Unavailable
from desktop.worker.models.catalogue import FROM_HUB, Catalogue, CatalogueEntry
from desktop.worker.models.source import conversion_arguments, locate_source
from desktop.worker.models.store import ModelStore

CONVERSION: Final = "desktop.worker.models.convert"
CONVERSION_DEADLINE_S: Final = 600.0


class RunTool(Protocol):
    """Runs one of our modules inside the sandbox."""

    async def __call__(
        self, module: str, arguments: Sequence[str], *, readable: Sequence[Path], writable: Path, timeout_s: float
    ) -> None:
        """Return when it ended well; WorkerError with its words when it did not."""
        ...


class Preparation:
    """Gives the folders of models, each file checked against the catalogue.

    Files of others are parsed inside the sandbox only; here they are copied, counted and hashed. `progress` hears a
    sentence before anything that takes more than a moment. `places` are folders of packages beside this Python's own.
    `used` hears of each model that is made ready.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: ModelStore,
        run_tool: RunTool,
        progress: Callable[[str], None],
        places: Sequence[Path] = (),
        used: Callable[[CatalogueEntry], None] = lambda _: None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._run_tool = run_tool
        self._progress = progress
        self._places = places
        self._used = used

    async def folders(self, model_ids: Sequence[str]) -> list[tuple[CatalogueEntry, Path]]:
        """Entry and folder of each model. Raises ModelNotFound, ModelCorrupt, Unavailable or StorageUnusable."""
        found = []
        for model_id in model_ids:
            entry = self._catalogue.entry(model_id)
            if not self._store.present(model_id):
                self._progress(f"Preparing {entry.name}. This is done once.")
                await self._prepare(entry)
            self._progress(f"Checking every byte of {entry.name}.")
            await asyncio.to_thread(self._store.verify, model_id)
            self._used(entry)
            found.append((entry, self._store.folder_of(model_id)))
        return found

    async def _prepare(self, entry: CatalogueEntry) -> None:
        if entry.source.conversion == FROM_HUB:
            raise Unavailable(
                f"The files of {entry.name} are not where they were.",
                now=f"Fetch them again: hearth models get {entry.id}",
            )
        source = await asyncio.to_thread(locate_source, entry, self._places)
        folder = self._store.folder_of(entry.id)
        unfinished = folder.with_name(f"{folder.name}.part")
        try:
            await asyncio.to_thread(_renew, unfinished)
            await self._run_tool(
                CONVERSION,
                conversion_arguments(entry, source, unfinished),
                readable=[source / file.path for file in entry.source.files],
                writable=unfinished,
                timeout_s=CONVERSION_DEADLINE_S,
            )
            await asyncio.to_thread(_replace, unfinished, folder)
        except OSError as error:
            raise StorageUnusable(
                f"The model {entry.name} could not be written.",
                why=f"The system says: {error.strerror}.",
                now=f"It needs {sum(file.bytes for file in entry.files) >> 20:,} MiB in {folder.parent}.",
            ) from error


def _renew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Weights are public; the worker, which may be another user than the node, must be able to read them.
    folder.chmod(0o755)


def _replace(unfinished: Path, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    unfinished.rename(folder)
