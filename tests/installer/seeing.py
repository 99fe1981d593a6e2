"""What the lives of installations are told and shown with: lines, waits, a display of their own, pictures of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

DISPLAY: Final = ":87"


def say(text: str) -> None:
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


def wait(what: str, path: Path, within_s: float = 120) -> float:
    """Seconds until it is there."""
    start = time.monotonic()
    while not path.exists():
        assert time.monotonic() - start < within_s, f"no {what} within {within_s:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - start


@contextmanager
def display() -> Iterator[None]:
    server = subprocess.Popen(
        [shutil.which("Xvfb") or "Xvfb", DISPLAY, "-screen", "0", "1280x900x24", "-noreset"], stderr=subprocess.DEVNULL
    )
    try:
        wait("display", Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}"))  # noqa: S108 - where X has it
        yield
    finally:
        server.terminate()
        server.wait()


def photograph(path: Path) -> None:
    """What is on the display, as a picture."""
    script = (
        "import sys; from PySide6.QtGui import QGuiApplication; app = QGuiApplication([]);"
        "picture = app.primaryScreen().grabWindow(0).toImage(); assert picture.save(sys.argv[1]);"
        "colours = {picture.pixel(x, y) for x in range(0, 1280, 9) for y in range(0, 900, 9)};"
        "sys.exit(len(colours) < 8)"
    )
    environment = os.environ | {"DISPLAY": DISPLAY, "QT_QPA_PLATFORM": "xcb"}
    subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=True, timeout=60)
