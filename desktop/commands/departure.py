"""Ending every process of one Hearth, for whoever wants its files."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.messages import Quit
from desktop.control.window_call import QUIT, SOCKET_NAME, call_window
from desktop.domain.errors import Unavailable
from desktop.machine.instance import WINDOW_LOCK_FILE, Instance

# A node finishes or refunds its jobs first; its window waits eight seconds for it.
_WITHIN_S: Final = 90.0
_POLL_S: Final = 0.05


def end_app(home: Composition) -> bool:
    """Ask window and node to end, and wait until both have; False if neither ran. Raises Unavailable if one stays."""
    window, node = Instance(home.paths.data, WINDOW_LOCK_FILE), home.instance()
    deadline = time.monotonic() + _WITHIN_S
    ran = False
    # The window first: it would start a node that ends by itself anew.
    if window.is_held():
        ran = True
        call_window(home.paths.runtime / SOCKET_NAME, QUIT)
        _wait(window, deadline)
    if node.is_held():
        ran = True
        # It may be just ending, with its door closed already.
        with suppress(Unavailable):
            knock(home, lambda number: Quit(id=number))
        _wait(node, deadline)
    return ran


def _wait(lock: Instance, deadline: float) -> None:
    while lock.is_held():
        if time.monotonic() > deadline:
            raise Unavailable(
                "Hearth is still running.",
                why=f"It was asked to end, and did not within {_WITHIN_S:.0f} seconds.",
                now="Quit it in its tray menu, or end its process, and try again.",
            )
        time.sleep(_POLL_S)
