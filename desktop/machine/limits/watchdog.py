"""A small process beside the node that outlives it and puts the hardware back: `python -m …watchdog FOLDER OWNER`.

It is started before anything is changed and says `ready`. Its standard input is a pipe from the node: when that ends,
however the node ended, it puts back what that run of the node journalled, and ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from desktop.domain.errors import StorageUnusable
from desktop.machine.limits.journal import Journal
from desktop.machine.limits.power import LocalKnobs
from desktop.machine.limits.restoring import restore_journalled

READY: Final = b"ready\n"
_TRY_FOR_S: Final = 60.0
_TRY_AGAIN_S: Final = 1.0


def main(folder: str, owner: str, root: str = "/") -> int:
    """Wait for the end of the node, then put back; exit status 1 if something is left for the next start."""
    # What ends a session or a terminal ends the node, and by that this process, in its own time.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.write(sys.stdout.fileno(), READY)
    while os.read(sys.stdin.fileno(), 1):
        pass
    return _put_back(Journal(Path(folder)), LocalKnobs(Path(root)), owner)


def _put_back(journal: Journal, knobs: LocalKnobs, owner: str) -> int:
    deadline = time.monotonic() + _TRY_FOR_S
    while True:
        try:
            with journal.busy(_TRY_AGAIN_S):
                if not restore_journalled(journal, knobs, owner=owner).left:
                    return 0
        except (StorageUnusable, OSError):
            pass  # the disk may be full or the folder gone; the journal, if any, stays for the next start
        if time.monotonic() > deadline:
            return 1
        time.sleep(_TRY_AGAIN_S)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
