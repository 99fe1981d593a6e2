"""Where a bundled model's raw files lie: inside an installed package that is never imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from desktop.domain.errors import ModelCorrupt, Unavailable
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.models.store import digest_of


def locate_source(entry: CatalogueEntry) -> Path:
    """The folder that holds the package files `entry` is made from, each checked against its pinned sha256.

    Unavailable when the package is not installed in its pinned version, ModelCorrupt when a file was altered.
    """
    source = entry.source
    wanted = f"{source.package}=={source.version}"
    try:
        package = metadata.distribution(source.package)
    except metadata.PackageNotFoundError:
        raise Unavailable(
            f"The files of the model {entry.id} are not on this computer.",
            why=f"The package {source.package} is not installed.",
            now=f"Install {wanted} without its dependencies.",
        ) from None
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
