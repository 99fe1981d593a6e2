"""One Hearth per data folder."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from desktop.domain.errors import AlreadyRunning, StorageUnusable

if sys.platform == "win32":
    from desktop.machine.windows import try_lock
else:
    from desktop.machine.linux import try_lock

LOCK_FILE: Final = "hearth.lock"
WINDOW_LOCK_FILE: Final = "window.lock"
_PID_BYTES: Final = 20


class Instance:
    """The right to use a data folder, held by one process at a time: the node, unless another `name` is given.

    A lock of the operating system on the file of that name: it ends with the process however that ends, so a file left
    behind by a crash means nothing and is never removed. The file holds the owner's process id, for messages only.
    """

    def __init__(self, folder: Path, name: str = LOCK_FILE) -> None:
        self._path = folder / name
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the folder, or fail at once. Does nothing if this object has it already.

        Raises:
            AlreadyRunning: another process has it, or another `Instance` of this one.
            StorageUnusable: the file cannot be made or locked here.
        """
        if self._descriptor is not None:
            return
        try:
            # Python's descriptors are not inherited: a worker that outlives us must not keep the folder.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            taken = try_lock(descriptor)
            if taken:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise self._unusable(error) from error
        if not taken:
            owner = _owner(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(
                f"Hearth is already running in {self._path.parent}{owner}.",
                now="Use that one, stop it first, or choose another place with --home.",
            )
        self._descriptor = descriptor

    def is_held(self) -> bool:
        """Whether any process has it now. Raises StorageUnusable."""
        try:
            with Instance(self._path.parent, self._path.name):
                return False
        except AlreadyRunning:
            return True

    def owner(self) -> int | None:
        """The process that has it, or had it last; None if that cannot be told."""
        try:
            return int(self._path.read_bytes()[:_PID_BYTES])
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        """Let others have the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _unusable(self, error: OSError) -> StorageUnusable:
        return StorageUnusable(
            f"{self._path} cannot be used.",
            why=f"The system says: {error.strerror}.",
            now="Check the folder and the disk it is on.",
        )


def _owner(descriptor: int) -> str:
    with suppress(OSError, ValueError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        return f", as process {int(os.read(descriptor, _PID_BYTES))}"
    return ""
