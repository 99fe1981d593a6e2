"""The node's side of the watchdog: started before the first change, let go after the last one was put back."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final, Protocol

import desktop
from desktop.domain.errors import StorageUnusable
from desktop.machine.limits.watchdog import READY

_READY_WITHIN_S: Final = 10.0
_GONE_WITHIN_S: Final = 5.0


class Guard(Protocol):
    """Somebody who puts the hardware back should this process end without having done it."""

    def stand(self) -> None:
        """Be there, if not yet; StorageUnusable where it cannot. Blocks for as long as a process takes to start."""
        ...

    def leave(self) -> None:
        """No longer needed."""
        ...


class WatchdogGuard:
    """Guards by a process of its own, in a session of its own."""

    def __init__(self, folder: Path, owner: str, root: Path = Path("/")) -> None:
        self._line = [sys.executable, "-m", "desktop.machine.limits.watchdog", str(folder), owner, str(root)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The watchdog's process, if there is one."""
        return None if self._process is None else self._process.pid

    def stand(self) -> None:
        """Start it unless it lives, and hear it say that it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.leave()
        try:
            self._process = subprocess.Popen(
                self._line,
                cwd=Path(desktop.__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # What kills the node's terminal or group leaves it alone.
                start_new_session=True,
            )
        except OSError as error:
            raise _no_watchdog(f"The system says: {error.strerror}.") from error
        # A process that does not get so far is ended, which ends the reading too.
        timer = threading.Timer(_READY_WITHIN_S, self._process.kill)
        timer.start()
        try:
            ready = self._process.stdout is not None and self._process.stdout.readline() == READY
        finally:
            timer.cancel()
        if not ready:
            self._process.kill()
            self.leave()
            raise _no_watchdog("It did not start.")

    def leave(self) -> None:
        """Close its pipe, upon which it ends."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_GONE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _no_watchdog(why: str) -> StorageUnusable:
    return StorageUnusable(
        "The watchdog that puts the hardware back is not there.", why=why, now="Nothing is changed without it."
    )
