"""Small files that only this user may read: written whole or not at all, read with suspicion."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from desktop.domain.errors import StorageUnusable

if sys.platform == "win32":
    from desktop.machine.windows import intruders
else:
    from desktop.machine.linux import intruders

_MOST_BYTES: Final = 1024
# Neither a link to somewhere else nor a pipe that never answers; Windows has no such flags.
_READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read_private(path: Path, most_bytes: int = _MOST_BYTES) -> bytes | None:
    """The content of a file that nobody else may read; None if there is no such file.

    Raises:
        StorageUnusable: it cannot be read, is not a file, is larger than `most_bytes`, or others may open it.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS)
        try:
            status = os.fstat(descriptor)
            content = os.read(descriptor, most_bytes + 1) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, f"The system says: {error.strerror}.") from error
    if not stat.S_ISREG(status.st_mode) or len(content) > most_bytes:
        raise _unusable(path, "It is not a small file.")
    if reason := intruders(status):
        raise _unusable(path, reason, now=f"If you trust them: chmod 600 {path}. If not, move the money first.")
    return content


def write_private(path: Path, text: str) -> None:
    """Put a text where only this user can read it: all of it or nothing, and on disk before this returns.

    Raises:
        StorageUnusable: the folder or the disk does not take it; what was there before is still there.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _unusable(path, f"The system says: {error.strerror}.") from error


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # Windows has no handle on a folder to flush, and needs none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, why: str, now: str = "Check the folder and the disk it is on.") -> StorageUnusable:
    return StorageUnusable(f"{path} cannot be used.", why=why, now=now)
