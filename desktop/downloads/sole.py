"""One process at a time: two that fetch into the same files would each spoil what the other has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from desktop.domain.errors import Busy, StorageUnusable


@contextmanager
def sole(lock: Path, what: str) -> Iterator[None]:
    """Be the only one who fetches `what`, in whichever process; the file `lock` stays, and a killed holder lets go.

    Raises Busy while another does, StorageUnusable where the file cannot be made.
    """
    held = FileLock(lock, mode=0o600)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held.acquire(timeout=0)
    except Timeout:
        raise Busy(
            f"{what} is being fetched already.", retry_after_s=60, now="Wait for it, or pause it where it was begun."
        ) from None
    except OSError as error:
        raise StorageUnusable(f"{lock} cannot be written.", why=f"The system says: {error.strerror}.") from error
    try:
        yield
    finally:
        held.release()
