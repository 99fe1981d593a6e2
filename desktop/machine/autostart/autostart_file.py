"""Files that others read to know what to start: written whole, readable by their owner's desktop."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from desktop.domain.errors import StorageUnusable


def read_text(path: Path) -> str | None:
    """The file's text, None if there is none or it is no text. Raises StorageUnusable."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Put the text there, all of it or nothing. Raises StorageUnusable."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _unusable(path, error) from error


def link(path: Path, target: Path) -> None:
    """Make `path` a link to `target`. Raises StorageUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    except OSError as error:
        raise _unusable(path, error) from error


def remove(path: Path) -> None:
    """Take a file or a link away, if it is there. Raises StorageUnusable."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error


def is_program(path: str) -> bool:
    """Whether there is something there that can be started."""
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113 - a path from a file may hold anything


def is_text(path: str) -> bool:
    """Whether a path can be written into a file of text; on Linux a name may be any bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unusable(path: Path, error: OSError) -> StorageUnusable:
    return StorageUnusable(
        f"{path} cannot be used.",
        why=f"The system says: {error.strerror}.",
        now="Check that the folder belongs to you and that the disk is not full.",
    )
