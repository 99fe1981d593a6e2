"""What the window is told when it starts: where the node's door is, and how to start a node."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from desktop.control.address import door_in
from desktop.control.window_call import SOCKET_NAME
from desktop.domain.errors import AlreadyRunning, HearthError
from desktop.machine.autostart.here import autostarts_of
from desktop.machine.autostart.switch import AtLogin, repair_all
from desktop.machine.instance import WINDOW_LOCK_FILE, Instance
from desktop.machine.paths import Paths
from desktop.resources import resource

NO_DISPLAY: Final = (
    "There is no display to open a window on. `hearth node` runs without one; `hearth status` tells how it goes."
)


def _at_login(paths: Paths) -> AtLogin:
    """The switch for this Hearth; a program that moved since the last start is named anew first."""
    autostarts = autostarts_of(os.environ, Path.home(), paths)
    repair_all(autostarts)
    return AtLogin(autostarts[0])


def open_window(home: Path | None, *, hidden: bool, attach: bool) -> int:
    """Show the window until its owner quits; 1 with words on standard error if that is not possible here.

    `hidden` leaves it in the tray; `attach` shows a node that somebody else keeps, and starts none.
    """
    if (
        sys.platform == "linux"
        and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
        and (os.environ.get("QT_QPA_PLATFORM", "") not in {"offscreen", "minimal", "vnc"})
    ):
        print(NO_DISPLAY, file=sys.stderr)
        return 1
    # Imported last: without a display there may be no graphics libraries to import either.
    from desktop.ui.app import Setup, run

    try:
        paths = Paths.of_user(os.environ, Path.home()) if home is None else Paths.below(home)
        paths.create()
        command = [sys.executable, "-m", "desktop", "node", *(() if home is None else ("--home", str(home.absolute())))]
        setup = Setup(
            address=door_in(paths.runtime),
            window_name=paths.runtime / SOCKET_NAME,
            preferences=paths.config / "window.json",
            translations=resource("translations"),
            log=paths.log / "node-start.log",
            node_command=() if attach else command,
            hidden=hidden,
            at_login=_at_login(paths),
        )
        # For installers to see that a window runs. Whether this is the first window is settled elsewhere.
        held = Instance(paths.data, WINDOW_LOCK_FILE)
        with suppress(AlreadyRunning):
            held.acquire()
        try:
            return run(setup)
        finally:
            held.release()
    except HearthError as error:
        _tell(str(error))
        return 1


def _tell(words: str) -> None:
    """On standard error; what is started on Windows without a console has none, and says it in a box of its own."""
    if sys.platform == "win32" and Path(sys.executable).stem == "pythonw":
        from desktop.machine.windows import show_message

        show_message(words)
    else:
        print(words, file=sys.stderr)
