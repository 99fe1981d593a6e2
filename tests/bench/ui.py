"""What the window costs with a year of data in it (100,000 jobs, 365 days): run as `python -m tests.bench.ui`.

A door over a real ledger in a process of its own; the window in another, on a screen nobody sees (Xvfb). CPU times and
memory are those of the window's process. Fails if a limit of the design is passed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from desktop.ui.preferences import PreferencesFile
from tests.ui.screenshots import ROOT, stand
from tests.ui.session import base_environment, running, screen

LIMITS = {
    "first paint, s of CPU": 0.6,
    "window and tray, MiB": 95.0,
    "tray only, MiB": 75.0,
    "Overview refresh, ms of GUI thread": 16.0,
    "longest call on the GUI thread, ms": 50.0,
    "idle, % of a core": 0.5,
}
IDLE_S = 20.0
SETTLED_S = 8.0


def measure(home: Path) -> dict[str, float]:
    """In the window's own process: open it, look at it, touch every page, leave it alone."""
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.control.address import door_in
    from desktop.control.snapshot import Snapshot
    from desktop.ui.app import Hearth, Setup
    from desktop.ui.window import KINDS

    process = psutil.Process()
    app = QApplication([])
    app.setStyle("Fusion")
    app.setQuitOnLastWindowClosed(False)
    preferences = PreferencesFile(home / "config" / "window.json")
    preferences.values.welcomed = True
    setup = Setup(door_in(home / "run"), home / "run" / "window.sock", home / "w.json", ROOT, home / "log")
    hearth = Hearth(setup, preferences, app)
    hearth.start()

    def let_run(seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()

    def timed_ms(act: Callable[[], object]) -> float:
        start = time.thread_time()
        act()
        return (time.thread_time() - start) * 1000

    while hearth.house.door.snapshot is None:
        app.processEvents()
    for _ in range(5):
        app.processEvents()
    found = {"first paint, s of CPU": sum(process.cpu_times()[:2])}
    let_run(2)
    snapshot = hearth.house.door.snapshot
    parts = frozenset(Snapshot.__struct_fields__)

    def refresh() -> None:
        hearth.house.door.pictured.emit(snapshot, parts)
        hearth.window.repaint()

    times = sorted(timed_ms(refresh) for _ in range(30))
    found["Overview refresh, ms of GUI thread"] = times[len(times) // 2]
    before = sum(process.cpu_times()[:2])
    let_run(IDLE_S)
    found["idle, % of a core"] = (sum(process.cpu_times()[:2]) - before) / IDLE_S * 100
    longest = 0.0
    for kind in KINDS:
        longest = max(longest, timed_ms(lambda kind=kind: hearth.window.go_to(kind)))  # type: ignore[misc] # a default binds it
        end = time.monotonic() + 1
        while time.monotonic() < end:
            longest = max(longest, timed_ms(app.processEvents))
    found["longest call on the GUI thread, ms"] = longest
    return found


def run(home: Path, folder: Path) -> dict[str, float]:
    """The measurements in a process of their own."""
    with screen(base_environment(folder)) as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.ui", str(home)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def memory_mb(home: Path, folder: Path, *arguments: str) -> float:
    """What the app itself holds a few seconds after its start, beside a tray."""
    preferences = PreferencesFile(home / "config" / "window.json")
    preferences.values.welcomed = True
    preferences.save()
    command = [sys.executable, "-m", "desktop", "--attach", "--home", str(home), *arguments]
    with (
        screen(base_environment(folder)) as environment,
        running(["openbox"], environment),
        running(["trayer", "--edge", "bottom", "--widthtype", "request"], environment),
    ):
        time.sleep(2)
        with running(command, environment) as process:
            time.sleep(SETTLED_S)
            return psutil.Process(process.pid).memory_info().rss / 2**20


def main() -> int:
    """Print each figure beside its limit; 1 if a limit is passed."""
    with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
        home = Path(folder) / "h"
        with stand("year", home) as door:
            found = run(home, Path(folder))
            found["window and tray, MiB"] = memory_mb(home, Path(folder))
            found["tray only, MiB"] = memory_mb(home, Path(folder), "--hidden")
            assert door.stdin is not None
            door.stdin.close()
    for name, value in found.items():
        verdict = "" if value <= LIMITS[name] else "   over the limit"
        sys.stdout.write(f"{name:<40}{value:8.2f}   (at most {LIMITS[name]:g}){verdict}\n")
    return int(any(value > LIMITS[name] for name, value in found.items()))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))) + "\n")
        sys.stdout.flush()
        os._exit(0)  # what was to be measured is said
    sys.exit(main())
