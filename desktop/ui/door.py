"""The window's end of the door: Qt's sockets carry the words, a lost node is looked for until it is back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QHostAddress, QLocalSocket, QTcpSocket

from desktop.control import messages
from desktop.control.address import DoorAddress, SocketAddress, read_port, require_own
from desktop.control.answers import Refusal, Result, Welcome
from desktop.control.conversation import Conversation, Heard
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import Unavailable
from desktop.ui.language import tr

RETRY_MS: Final = 250
ANSWER_MS: Final = 30_000

OnResult = Callable[[Result], None]
OnRefusal = Callable[[Refusal], None]


class Link(Enum):
    """How the window stands with the node."""

    SEARCHING = "searching"
    CONNECTED = "connected"
    LOST = "lost"
    OTHER_VERSION = "other version"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who waits for an answer."""

    on_result: OnResult
    on_refusal: OnRefusal


class Door(QObject):
    """`pictured` carries the snapshot and the names of its changed parts; `link_changed` says `link` is another.

    `unanswered` is emitted at each attempt that found no node, so that somebody may start one.
    """

    pictured = Signal(object, object)
    link_changed = Signal()
    unanswered = Signal()

    def __init__(self, address: DoorAddress, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._socket: QLocalSocket | QTcpSocket
        if isinstance(address, SocketAddress):
            self._socket = QLocalSocket(self)
        else:
            self._socket = QTcpSocket(self)
        self._socket.connected.connect(self._greet)
        self._socket.disconnected.connect(self._lose)
        self._socket.errorOccurred.connect(self._lose)
        self._socket.readyRead.connect(self._read)
        self._token = ""
        self._conversation = Conversation()
        self._asked: dict[int, Asked] = {}
        self._closing = False
        self._turned_away = False
        self._retry = QTimer(self, singleShot=True, interval=RETRY_MS)
        self._retry.timeout.connect(self._connect)
        self.link = Link.SEARCHING
        self.words: frozenset[str] = frozenset()
        self.node_version = ""

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest picture; also while the node is gone, to be shown as what was known last."""
        return self._conversation.snapshot

    def open(self) -> None:
        """Look for the node, now and whenever it is lost."""
        self._connect()

    def close(self) -> None:
        """Hang up for good."""
        self._closing = True
        self._retry.stop()
        self._socket.abort()

    def ask(
        self,
        make: Callable[[int], messages.AnyRequest],
        on_result: OnResult | None = None,
        on_refusal: OnRefusal | None = None,
    ) -> None:
        """Send the request `make` builds from its id; exactly one of the two is called, later."""
        request = make(self._conversation.next_id())
        asked = Asked(on_result or (lambda _: None), on_refusal or (lambda _: None))
        if self.link is not Link.CONNECTED and not isinstance(request, messages.Hello):
            QTimer.singleShot(0, lambda: asked.on_refusal(_gone()))
            return
        self._asked[request.id] = asked
        self._socket.write(self._conversation.say(request))

    def _connect(self) -> None:
        if self._closing:
            return
        try:
            if isinstance(self._address, SocketAddress):
                require_own(self._address.path)
                if isinstance(self._socket, QLocalSocket):
                    self._socket.connectToServer(str(self._address.path))
            else:
                port = read_port(self._address.file)
                self._token = port.token
                if isinstance(self._socket, QTcpSocket):
                    self._socket.connectToHost(QHostAddress("127.0.0.1"), port.number)
        except Unavailable:
            self._lose()

    def _greet(self) -> None:
        def make(number: int) -> messages.AnyRequest:
            return messages.Hello(id=number, protocol=messages.PROTOCOL, token=self._token)

        self.ask(make, self._welcomed, self._not_welcomed)

    def _welcomed(self, welcome: Result) -> None:
        if not isinstance(welcome, Welcome):
            return
        self.words = frozenset(welcome.words)
        self.node_version = welcome.version
        self.link = Link.CONNECTED
        self.ask(
            lambda number: messages.Watch(id=number),
            lambda _: self.link_changed.emit(),
            # A node that cannot tell how it is now is asked again.
            lambda _: self._socket.abort(),
        )

    def _not_welcomed(self, refusal: Refusal) -> None:
        if refusal.kind == "OtherVersion":
            self._turned_away = True
            self._show(Link.OTHER_VERSION)

    def _read(self) -> None:
        while self._socket.canReadLine():
            line = self._socket.readLine().data()
            try:
                heard = self._conversation.hear(bytes(line))
            except msgspec.MsgspecError:
                # Not our protocol: whoever answers there is asked again from the beginning.
                self._socket.abort()
                return
            self._pass_on(heard)

    def _pass_on(self, heard: Heard) -> None:
        if heard.snapshot is not None:
            self.pictured.emit(heard.snapshot, heard.parts)
        asked = None if heard.request_id is None else self._asked.pop(heard.request_id, None)
        if asked is None or heard.outcome is None:
            return
        if isinstance(heard.outcome, Refusal):
            asked.on_refusal(heard.outcome)
        else:
            asked.on_result(heard.outcome)

    def _lose(self) -> None:
        if self._closing or self._retry.isActive():
            return  # a socket tells of one loss in two ways
        turned_away, self._turned_away = self._turned_away, False
        if self.link is Link.CONNECTED or (self.link is Link.OTHER_VERSION and not turned_away):
            self._show(Link.LOST)
        waiting, self._asked = self._asked, {}
        for asked in waiting.values():
            asked.on_refusal(_gone())
        known = self._conversation.snapshot
        self._conversation = Conversation()
        self._conversation.snapshot = known
        self._retry.start()
        if not turned_away:
            self.unanswered.emit()

    def _show(self, link: Link) -> None:
        if link is not self.link:
            self.link = link
            self.link_changed.emit()


def _gone() -> Refusal:
    return Refusal(kind="Unavailable", what=tr("Hearth is not answering."), now=tr("Try again in a moment."))
