"""A process to be watched, without a sandbox around it."""

import subprocess

from desktop.worker.sandbox.family import family_of, kill_family
from desktop.worker.sandbox.limits import Limits


class OneProcess:
    """What a watchdog wants of a cell, around a process that is shut in by nothing."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        self._process = process
        self.limits = limits
        self.printed_bytes = 0

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def family(self) -> list[int]:
        return [] if self.ended else family_of(self._process.pid)

    def kill(self) -> None:
        kill_family(self._process.pid)
        self._process.wait()
