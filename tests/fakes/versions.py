"""A shop for new versions that does as it is told."""

from __future__ import annotations

import threading

import msgspec

from desktop.control.snapshot import Renewal
from desktop.control.updating import Tell
from desktop.domain.errors import DownloadStopped, HearthError


def found(version: str = "1.1.0", phase: str = "ready") -> Renewal:
    """What a look finds."""
    return Renewal(phase=phase, version=version, notes="Faster.", size_bytes=18 << 20, checked_at_ms=1_795_000_000_000)


class FakeVersions:
    """A `Shop`. An installation goes `steps` by step: each waits until it is let go; `failure` ends the next act."""

    def __init__(self) -> None:
        self.finds = found()
        self.last = Renewal()
        self.failure: HearthError | None = None
        self.wanted = "tell"
        self.looks = 0
        self.installs = 0
        self.steps = threading.Semaphore(0)

    def standing(self) -> Renewal:
        return self.last

    async def look(self) -> Renewal:
        self.looks += 1
        if self.failure is not None:
            raise self.failure
        return self.finds

    def install(self, found: Renewal, stop: threading.Event, tell: Tell) -> Renewal:
        self.installs += 1
        for phase in ("downloading", "changing"):
            while not self.steps.acquire(timeout=0.01):
                if stop.is_set():
                    raise DownloadStopped("Stopped.")
            if self.failure is not None:
                raise self.failure
            tell(msgspec.structs.replace(found, phase=phase, running=True))
        return msgspec.structs.replace(found, phase="downloaded", command="sudo apt install /x.deb")

    def automatic(self) -> str:
        return self.wanted
