"""The app over a fake node's door, and waiting without luck."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget

from desktop.control.address import SocketAddress
from desktop.control.server import Door as ServerDoor
from desktop.ui.app import Hearth, Setup
from desktop.ui.door import Link
from desktop.ui.preferences import PreferencesFile
from tests.fakes.steward import FakeSteward

W = TypeVar("W", bound=QWidget)
WITHIN_S = 30.0
HARMLESS = ("This plugin does not support", "propagateSizeHints")


class Stand:
    """A door with a fake node behind it, served by a thread of its own; it can be closed and opened again."""

    def __init__(self, path: Path) -> None:
        self.address = SocketAddress(path)
        self.steward = FakeSteward()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._door: ServerDoor | None = None

    def open(self) -> None:
        self._door = ServerDoor(self.steward, self.address, version="0.1.0")
        asyncio.run_coroutine_threadsafe(self._door.open(), self._loop).result(WITHIN_S)

    def close(self) -> None:
        if self._door is not None:
            asyncio.run_coroutine_threadsafe(self._door.close(), self._loop).result(WITHIN_S)
            self._door = None

    def changed(self) -> None:
        if self._door is not None:
            self._loop.call_soon_threadsafe(self._door.changed)

    def end(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_S)
        self._loop.close()


def until(condition: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Let Qt work until the condition holds; fail at the deadline."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        QCoreApplication.processEvents()
        time.sleep(0.002)


@contextmanager
def no_qt_warnings() -> Iterator[None]:
    """Whatever Qt complains about fails the test, and so does an exception that a slot let through."""
    said: list[str] = []

    def catch(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        said.extend(traceback.format_exception(kind, error, trace))

    def hear(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        del context
        if kind is not QtMsgType.QtDebugMsg and not any(word in message for word in HARMLESS):
            said.append(message)

    before, hook = qInstallMessageHandler(hear), sys.excepthook
    sys.excepthook = catch
    try:
        yield
    finally:
        qInstallMessageHandler(before)
        sys.excepthook = hook
    assert said == []


def find(parent: QWidget, kind: type[W]) -> W:
    """The first child of a kind; there is one."""
    child = parent.findChild(kind)
    assert child is not None
    return child


@contextmanager
def hearth_over(stand: Stand, app: QApplication, folder: Path, *, welcomed: bool = True) -> Iterator[Hearth]:
    """The whole app in this process."""
    preferences = PreferencesFile(folder / "window.json")
    preferences.values.welcomed = welcomed
    setup = Setup(stand.address, folder / "w.sock", folder / "window.json", folder, folder / "log")
    QLocale.setDefault(QLocale("en_US"))
    with no_qt_warnings():
        hearth = Hearth(setup, preferences, app)
        hearth.start()
        until(lambda: hearth.house.door.link is Link.CONNECTED)
        until(lambda: hearth.window.state_words != "Starting Hearth…")
        yield hearth
        hearth.window.hide()
        hearth.end()
        hearth.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QCoreApplication.processEvents()
