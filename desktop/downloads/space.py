"""Room on a disk, asked for before anything is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from desktop.domain.errors import StorageUnusable

MARGIN_BYTES: Final = 512 << 20  # what a system needs to stay usable


def free_bytes(folder: Path) -> int:
    """What is free on the disk that `folder`, which need not exist yet, would be on. Raises StorageUnusable."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageUnusable(f"{place} cannot be used.", why=f"The system says: {error.strerror}.") from error
    raise StorageUnusable(f"{folder} is on no disk.", now="Choose another folder.")


def require_room(folder: Path, needed_bytes: int, what: str) -> None:
    """Return if `needed_bytes` and a margin are free. Raises StorageUnusable with both numbers."""
    free = free_bytes(folder)
    if free < needed_bytes + MARGIN_BYTES:
        raise StorageUnusable(
            f"There is too little room for {what}.",
            why=f"It needs {_gib(needed_bytes + MARGIN_BYTES)} GiB, and {_gib(free)} GiB are free in {folder}.",
            now="Free some space, or choose a folder on another disk.",
        )


def _gib(amount: int) -> str:
    return f"{amount / (1 << 30):,.1f}"
