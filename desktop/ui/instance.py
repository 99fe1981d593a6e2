"""One window per user: a second start raises the first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from desktop.control.window_call import QUIT, RAISE

CALL_MS: Final = 1000
LONGEST_WORD: Final = 16


def call_running(name: Path) -> bool:
    """Ask the window that runs to come to the front; False if there is none."""
    socket = QLocalSocket()
    socket.connectToServer(str(name))
    if not socket.waitForConnected(CALL_MS):
        return False
    socket.write(RAISE)
    socket.waitForBytesWritten(CALL_MS)
    socket.disconnectFromServer()
    return True


class OnlyWindow(QObject):
    """Holds the name; `called` when a second start asks for the window, `dismissed` when an installer asks it to go."""

    called = Signal()
    dismissed = Signal()

    def __init__(self, name: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        name.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody answered at that name: what is left of a killed window may go.
        QLocalServer.removeServer(str(name))
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._hear)
        self._server.listen(str(name))

    def close(self) -> None:
        """Give the name back."""
        self._server.close()

    def _hear(self) -> None:
        while (caller := self._server.nextPendingConnection()) is not None:
            caller.disconnected.connect(caller.deleteLater)
            # A bound method of ours: Qt lets go of it when we are gone, which it would not of a closure.
            caller.readyRead.connect(self._listen)
        self._listen()

    def _listen(self) -> None:
        for caller in self._server.findChildren(QLocalSocket):
            if not caller.canReadLine():
                continue
            word = caller.readLine(LONGEST_WORD).data()
            if word == RAISE:
                self.called.emit()
            elif word == QUIT:
                self.dismissed.emit()
