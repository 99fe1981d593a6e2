"""Model folders on disk, each file checked against the catalogue before a worker may see it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from desktop.domain.errors import ModelCorrupt
from desktop.worker.models.catalogue import Catalogue

_BLOCK_BYTES = 1 << 20


class ModelStore:
    """One folder per model under `folder`, named by the model's digest as well as its id.

    The digest in the name lets a new catalogue bring a changed model without touching one that is in use. Nothing
    is parsed here: files are opaque bytes that are counted and hashed.
    """

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._folder = folder
        self._catalogue = catalogue

    def folder_of(self, model_id: str) -> Path:
        """Where the model's files lie, or would lie; ModelNotFound for an id that is not in the catalogue."""
        entry = self._catalogue.entry(model_id)
        return self._folder / f"{entry.id}-{entry.digest[:12]}"

    def present(self, model_id: str) -> bool:
        """Whether every file is there with its right size. Quick; says nothing about content."""
        folder = self.folder_of(model_id)
        files = self._catalogue.entry(model_id).files
        return all(
            (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.bytes for file in files
        )

    def verify(self, model_id: str) -> None:
        """Read every file through; ModelCorrupt names the first one that is missing, altered or not listed."""
        folder = self.folder_of(model_id)
        files = {file.name: file for file in self._catalogue.entry(model_id).files}
        for name, file in files.items():
            if digest_of(folder / name, model_id) != file.sha256:
                raise _corrupt(model_id, name, "Its content is not what the catalogue pins.")
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in files)
        if strangers:
            raise _corrupt(model_id, strangers[0], "The catalogue does not list it.")


def digest_of(path: Path, model_id: str) -> str:
    """sha256 (hex) of the file at `path`; ModelCorrupt, naming the file, when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise _corrupt(model_id, path.name, f"It cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def _corrupt(model_id: str, name: str, why: str) -> ModelCorrupt:
    return ModelCorrupt(
        f"The file {name} of the model {model_id} is not usable.",
        why=why,
        now="Delete the model's folder; it is prepared again at the next start.",
    )
