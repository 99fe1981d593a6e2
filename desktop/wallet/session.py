"""Who is alive: each open wallet holds a lock file, so that others can tell its unfinished work from a dead one's."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_SUFFIX: Final = ".lock"


class Session:
    """One open wallet. The operating system frees the lock when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder cannot be written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.id = uuid.uuid4().hex
        # Between making a lock file and locking it, `forget_dead` of another process must not look.
        self._guard = FileLock(folder / "guard", mode=0o600)
        self._lock = _lock(folder, self.id)
        with self._guard:
            self._lock.acquire(timeout=0)

    def is_alive(self, session: str) -> bool:
        """Whether the wallet that worked under that name is still open somewhere."""
        with self._guard:
            return self._is_alive(session)

    def forget_dead(self) -> None:
        """Remove the lock files that dead sessions left."""
        with self._guard:
            for file in self._folder.glob(f"*{_SUFFIX}"):
                if not self._is_alive(file.stem):
                    # On Windows a file that someone holds open stays; the next one removes it.
                    with contextlib.suppress(OSError):
                        file.unlink(missing_ok=True)

    def close(self) -> None:
        """End the session; safe to call again."""
        self._lock.release()
        with contextlib.suppress(OSError):
            (self._folder / f"{self.id}{_SUFFIX}").unlink(missing_ok=True)

    def _is_alive(self, session: str) -> bool:
        if session == self.id:
            return True
        if not (self._folder / f"{session}{_SUFFIX}").exists():
            return False
        try:
            with _lock(self._folder, session).acquire(timeout=0):
                return False
        except Timeout:
            return True


def _lock(folder: Path, session: str) -> FileLock:
    return FileLock(folder / f"{session}{_SUFFIX}", mode=0o600, thread_local=False)
