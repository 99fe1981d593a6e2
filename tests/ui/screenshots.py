"""Every screen as a picture, from a real ledger through a real door: `python -m tests.ui.screenshots [FOLDER]`.

Light, dark, German, empty, a year of data, long names, a small window at twice the size, and the ways to fail. Whoever
changes the view looks at all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QWidget

from desktop.control.address import door_in
from desktop.ui import language
from desktop.ui.app import Hearth, Setup
from desktop.ui.door import Link
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.jobs import JobsPage
from desktop.ui.pages.sandbox_panel import SandboxPanel
from desktop.ui.preferences import PreferencesFile
from desktop.ui.window import KINDS
from desktop.ui.wizard.wizard import Wizard

ROOT: Final = Path(__file__).parents[2]
WITHIN_S: Final = 60.0
SETTLE_S: Final = 0.8
SCREEN: Final = {"name": "a small laptop", "x": 0, "y": 0, "width": 1366, "height": 900, "logicalDpi": 96, "dpr": 1}


@dataclass(frozen=True, slots=True)
class Picture:
    """One run of the app: a scene, a look, a language, a scale, and whether every page is shown."""

    scene: str
    look: str
    language: str = "en"
    scale: str = "1"
    pages: bool = False

    @property
    def name(self) -> str:
        parts = [self.scene, self.look, *([self.language] if self.language != "en" else [])]
        return "-".join([*parts, *(["200"] if self.scale != "1" else [])])


PICTURES: Final = (
    Picture("year", "light", pages=True),
    Picture("year", "dark", pages=True),
    Picture("year", "light", language="de", pages=True),
    Picture("year", "light", scale="2", pages=True),
    Picture("empty", "light"),
    Picture("empty", "dark"),
    Picture("long", "light", language="de", pages=True),
    Picture("paused", "light"),
    Picture("offline", "dark"),
    Picture("fault", "light", pages=True),
    Picture("starting", "light"),
    Picture("join", "light", pages=True),
    Picture("join", "dark", language="de", scale="2", pages=True),
)


class Camera:
    """The app over an open door, and the pictures taken of it."""

    def __init__(self, picture: Picture, home: Path, out: Path) -> None:
        self._picture = picture
        self._out = out
        self._app = QApplication([])
        self._app.setStyle("Fusion")
        self._app.setQuitOnLastWindowClosed(False)
        language.install(self._app, ROOT / "resources" / "translations", QLocale(picture.language))
        preferences = PreferencesFile(home / "config" / "window.json")
        preferences.values.welcomed = picture.scene != "join"
        preferences.values.theme = picture.look
        setup = Setup(door_in(home / "run"), home / "run" / "window.sock", home / "w.json", ROOT, home / "log")
        self.hearth = Hearth(setup, preferences, self._app)
        # At twice the size: a small laptop's screen. The screen there is here is smaller than most.
        self.hearth.window.resize(*((683, 384) if picture.scale != "1" else (1180, 840)))
        self.hearth.start()
        self.wait(lambda: self.hearth.house.door.link is Link.CONNECTED, WITHIN_S)
        self.wait()
        if picture.scene != "starting":
            self.hearth.window.notice("")  # one picture tells that there is no tray

    def wait(self, until: Callable[[], bool] = lambda: False, within_s: float = SETTLE_S) -> None:
        end = time.monotonic() + within_s
        while time.monotonic() < end and not until():
            self._app.processEvents()
            time.sleep(0.01)

    def save(self, name: str) -> None:
        self.wait()
        widget = self._app.activeModalWidget() or self.hearth.window
        self._keep(widget, name)

    def save_page(self, number: int) -> None:
        """The open page, and all of it where it has to be scrolled."""
        page = self.hearth.window.page
        if page is None:
            return
        name = f"{number}-{page.title}"
        self.save(name)
        inside = page.widget()
        if inside is not None and page.verticalScrollBar().maximum():
            self._keep(inside, f"{name}-whole")

    def break_out(self) -> None:
        """The sandbox's panel with every attempt."""
        self.hearth.window.go_to(DiagnosticsPage)
        for panel in self.hearth.window.findChildren(SandboxPanel):
            panel.findChildren(QPushButton)[0].click()
            self.wait()
            self._keep(panel, "sandbox")

    def _keep(self, widget: QWidget, name: str) -> None:
        widget.grab().save(str(self._out / f"{self._picture.name}-{name}.png"))

    def take_all(self) -> None:
        """Whatever the picture asks for."""
        window = self.hearth.window
        wizard = next((dialog for dialog in window.findChildren(QDialog) if isinstance(dialog, Wizard)), None)
        if wizard is not None:
            for number, _ in enumerate(wizard.steps):
                self.save(f"step-{number}")
                wizard.go(+1)
        elif self._picture.pages:
            for number, kind in enumerate(KINDS):
                window.go_to(kind)
                self.save_page(number)
            self.break_out()
            window.go_to(JobsPage)
            self.wait()
            if isinstance(window.page, JobsPage) and (newest := window.page.newest) is not None:
                window.show_job(newest)
                self.save("job")
        else:
            self.save("overview")


def stand(scene: str, home: Path) -> subprocess.Popen[str]:
    """An open door with that scene behind it; it ends when its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.stand", str(home), scene],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"the scene {scene} did not come up")
    return process


def main(out: Path) -> int:
    """Take every picture; 0 if all of them could be taken."""
    out.mkdir(parents=True, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
        screen = Path(folder) / "screen.json"
        screen.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
        for number, picture in enumerate(PICTURES):
            home = Path(folder) / picture.scene
            with stand(picture.scene, home) as door:
                environment = {
                    **os.environ,
                    "QT_QPA_PLATFORM": f"offscreen:configfile={screen}",
                    "QT_SCALE_FACTOR": picture.scale,
                    "QT_LOGGING_RULES": "qt.qpa.*=false",
                }
                done = subprocess.run(
                    [sys.executable, "-m", "tests.ui.screenshots", str(out), str(number), str(home)],
                    cwd=ROOT,
                    env=environment,
                    check=False,
                )
                if done.returncode:
                    failed.append(picture.name)
                assert door.stdin is not None
                door.stdin.close()
    sys.stdout.write(f"{len(list(out.glob('*.png')))} pictures in {out}\n" if not failed else f"failed: {failed}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/screenshots").absolute()
    if len(sys.argv) > 2:
        camera = Camera(PICTURES[int(sys.argv[2])], Path(sys.argv[3]), folder)
        camera.take_all()
        os._exit(0)  # what was to be seen is saved
    else:
        sys.exit(main(folder))
