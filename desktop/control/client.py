"""A plain asyncio client of the door, for the command line and whoever else is not the window."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import msgspec

from desktop.control import messages
from desktop.control.address import DoorAddress, SocketAddress, read_port, require_own
from desktop.control.answers import Refusal, Result, Welcome
from desktop.control.conversation import Conversation
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import HearthError, Unavailable

ANSWER_S: Final = 60.0


class Refused(HearthError):
    """The node said no; `kind` is the name of its error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.what, why=refusal.why, now=refusal.now)
        self.kind = refusal.kind


class DoorClient:
    """A connection to the running node; use it as `async with DoorClient(address) as door`.

    Entering raises Unavailable if no node answers there, Refused if it is of another version.
    """

    def __init__(self, address: DoorAddress, *, answer_s: float = ANSWER_S) -> None:
        self._address = address
        self._answer_s = answer_s
        self._conversation = Conversation()
        self._waiting: dict[int, asyncio.Future[Result | Refusal]] = {}
        self._news = asyncio.Event()
        self._lost = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._listener: asyncio.Task[None]
        self.welcome: Welcome

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest picture, once `Watch` was asked."""
        return self._conversation.snapshot

    async def __aenter__(self) -> Self:
        token = await self._connect()
        self._listener = asyncio.create_task(self._listen(), name="control listener")
        try:
            welcome = await self.ask(lambda number: messages.Hello(id=number, protocol=messages.PROTOCOL, token=token))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if not isinstance(welcome, Welcome):
            raise TypeError("hello is answered by a welcome")
        self.welcome = welcome
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def ask(self, make: Callable[[int], messages.AnyRequest]) -> Result:
        """Send the request `make` builds from its id. Raises Refused, or Unavailable if the node is gone or silent."""
        request = make(self._conversation.next_id())
        answer = self._waiting[request.id] = asyncio.get_running_loop().create_future()
        if self._lost:
            answer.set_exception(_gone())
        self._writer.write(self._conversation.say(request))
        try:
            async with asyncio.timeout(self._answer_s):
                outcome: Result | Refusal = await answer
        except TimeoutError:
            raise Unavailable("The node does not answer.", now="Try again; if it stays silent, restart it.") from None
        finally:
            del self._waiting[request.id]
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        return outcome

    async def wait_until(self, holds: Callable[[Snapshot], bool]) -> Snapshot:
        """Wait until a watched snapshot satisfies `holds`. Raises Unavailable if the node goes away meanwhile."""
        while self.snapshot is None or not holds(self.snapshot):
            if self._lost:
                raise _gone()
            self._news.clear()
            await self._news.wait()
        return self.snapshot

    async def _connect(self) -> str:
        limit = messages.MAX_ANSWER_BYTES
        token = ""
        try:
            if isinstance(self._address, SocketAddress):
                require_own(self._address.path)
                if sys.platform == "win32":
                    raise Unavailable("This system has no Unix sockets.")
                self._reader, self._writer = await asyncio.open_unix_connection(self._address.path, limit=limit)
            else:
                port = read_port(self._address.file)
                token = port.token
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port.number, limit=limit)
        except OSError:
            raise Unavailable("Hearth is not running.", now="Start it with `hearth` or `hearth node`.") from None
        return token

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                heard = self._conversation.hear(line)
                if heard.snapshot is not None:
                    self._news.set()
                answer = None if heard.request_id is None else self._waiting.get(heard.request_id)
                if answer is not None and heard.outcome is not None and not answer.done():
                    answer.set_result(heard.outcome)
        except (ConnectionError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            self._lost = True
            self._news.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_gone())


def _gone() -> Unavailable:
    return Unavailable("The node went away.", now="Start it again.")
