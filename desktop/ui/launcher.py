"""Starts the node when none answers, and says in words why it cannot."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

TRIES: Final = 3
WAIT_S: Final = 1.5
FORGET_AFTER_S: Final = 60.0
MOST_WORDS_BYTES: Final = 4000


class Launcher(QObject):
    """`ensure` starts what `command` says unless it runs; after `TRIES` ends in a row it gives up and emits `gave_up`.

    The node is no child of the window's session: it goes on when the window ends, however that ends. What it says
    before it ends goes to `log`, which only the user can read.
    """

    gave_up = Signal(str)

    def __init__(self, command: Callable[[], Sequence[str]], log: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._starts: list[float] = []
        self._resting = False

    def ensure(self) -> None:
        """Start the node if we did not, or if the one we started has ended."""
        if self._resting or (self._process is not None and self._process.poll() is None):
            return
        now = time.monotonic()
        self._starts = [at for at in self._starts if now - at < FORGET_AFTER_S]
        if self._starts and now - self._starts[-1] < WAIT_S * len(self._starts):
            return  # one that is just ending needs seconds to let go of its folder
        if len(self._starts) >= TRIES:
            self._resting = True
            self.gave_up.emit(self._last_words())
            return
        self._starts.append(now)
        self._start()

    def rest(self) -> None:
        """Start nothing from now on: the owner quits."""
        self._resting = True

    def again(self) -> None:
        """Forget the failures and start."""
        self._resting = False
        self._starts.clear()
        self.ensure()

    def _start(self) -> None:
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log.touch(mode=0o600)
        command = list(self._command())
        with self._log.open("wb") as log:
            if sys.platform == "win32":
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW,
                )
            else:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )

    def _last_words(self) -> str:
        try:
            words = self._log.read_bytes()[-MOST_WORDS_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""
        return words.rsplit("\n\n", 1)[-1]
