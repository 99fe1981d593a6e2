"""Where a bundled model's raw files lie: inside an installed package that is never imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from desktop.domain.errors import ModelCorrupt, Unavailable
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.models.store import digest_of


def locate_source(entry: CatalogueEntry, places: Sequence[Path] = ()) -> Path:
    """The folder that holds the package files `entry` is made from, each checked against its pinned sha256.

    Packages are looked for in the folders `places`, then where this Python has its own.

    Unavailable when the package is not installed in its pinned version, ModelCorrupt when a file was altered.
    """
    source = entry.source
    wanted = f"{source.package}=={source.version}"
    path = [*map(str, places), *sys.path]
    package = next(iter(metadata.distributions(name=source.package, path=path)), None)
    if package is None:
        raise Unavailable(
            f"The files of the model {entry.id} are not on this computer.",
            why=f"The package {source.package} is not installed.",
            now=f"Install {wanted} without its dependencies.",
        )
    if package.version != source.version:
        raise Unavailable(
            f"The files of the model {entry.id} are of another version.",
            why=f"{source.package} {package.version} is installed.",
            now=f"Install {wanted} without its dependencies.",
        )
    folder = Path(str(package.locate_file("")))
    for file in source.files:
        if digest_of(folder / file.path, entry.id) != file.sha256:
            raise ModelCorrupt(
                f"The file {file.path} of the model {entry.id} is not usable.",
                why="Its content is not what the catalogue pins.",
                now=f"Install {wanted} again.",
            )
    return folder


def conversion_arguments(entry: CatalogueEntry, source: Path, output: Path) -> list[str]:
    """The arguments `desktop.worker.models.convert` takes to make `entry`'s files in `output` from `source`."""
    return [entry.source.conversion, str(output), *(str(source / file.path) for file in entry.source.files)]
