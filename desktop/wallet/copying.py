"""A copy of the wallet as it is at one moment, also while it is being written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from desktop.domain.errors import StorageUnusable


def copy_wallet(path: Path, target: Path) -> None:
    """Write it to `target`, which only its owner may read. Raises StorageUnusable."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        raise StorageUnusable("The wallet could not be copied.", why=f"{error}.", now="Check the disk.") from error
