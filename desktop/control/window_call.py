"""A word to the window that runs, from a process without a window: its name is a local socket, or a pipe."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "window.sock"
RAISE: Final = b"raise\n"
QUIT: Final = b"quit\n"
_WITHIN_S: Final = 5.0


def call_window(name: Path, word: bytes) -> bool:
    """Say `word` to the window of that name; False if there is none."""
    try:
        if sys.platform == "win32":
            with Path(rf"\\.\pipe\{name}").open("r+b", buffering=0) as pipe:
                pipe.write(word)
        else:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(_WITHIN_S)
                line.connect(str(name))
                line.sendall(word)
    except OSError:
        return False
    return True
