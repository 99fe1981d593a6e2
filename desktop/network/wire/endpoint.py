"""The node's side of the wire: buyers who know our public key reach the HTTP server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Self

from iroh import Accepting, Connection, Endpoint, Incoming, IrohError

from desktop.network.wire.address import WireAddress
from desktop.network.wire.pipe import PipeDeadlines, loopback_source, pipe
from desktop.network.wire.reach import Reach, bind

_log = logging.getLogger(__name__)

CODE_TOO_MANY = 2
CODE_UNUSED = 3


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What strangers may take. A stream above the limit waits at the peer; a connection above it is refused.

    A peer can make itself many keys, so the limit per peer is fairness and the total is the protection.
    """

    connections: int = 256
    connections_per_peer: int = 4
    streams_per_connection: int = 64
    handshakes: int = 64
    handshake_s: float = 10.0
    unused_s: float = 120.0
    receive_window_bytes: int = 2 * 1024 * 1024
    deadlines: PipeDeadlines = field(default_factory=PipeDeadlines)


@dataclass(frozen=True, slots=True)
class WireLoad:
    """How much is open now."""

    connections: int
    streams: int


class WireServer:
    """Serves the loopback HTTP server at `http_port` to whoever dials the public key that belongs to `secret`.

    `secret` is 32 bytes. Every stream of a connection is one HTTP connection, piped unchanged. The HTTP server sees a
    loopback source address per peer (see `loopback_source`), nothing else of the peer's identity.
    """

    def __init__(
        self, secret: bytes, http_port: int, reach: Reach | None = None, limits: WireLimits | None = None
    ) -> None:
        self._secret = secret
        self._http_port = http_port
        self._reach = reach or Reach()
        self._limits = limits or WireLimits()
        self._endpoint: Endpoint | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._handshakes = 0
        self._peers: Counter[bytes] = Counter()
        self._streams: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the socket and accept. Raises NetworkError."""
        self._endpoint = await bind(self._reach, secret=self._secret, accept=True)
        self._spawn(self._accept(self._endpoint))

    @property
    def endpoint_id(self) -> str:
        """Our public key on the wire, 64 hex digits."""
        return str(self._bound.id())

    @property
    def load(self) -> WireLoad:
        """What is open now."""
        return WireLoad(self._peers.total(), len(self._streams))

    def address(self, *, with_direct_addresses: bool = False) -> WireAddress:
        """How to announce us. Direct addresses tell where the owner lives: only if asked for, or on loopback."""
        known = self._bound.addr()
        direct = self._reach.loopback or with_direct_addresses
        return WireAddress(self.endpoint_id, known.relay_url(), tuple(known.direct_addresses()) if direct else ())

    async def stop(self, grace_s: float = 2.0) -> None:
        """Accept nothing new, let open streams end for `grace_s` seconds, close."""
        if self._endpoint is None:
            return
        self._endpoint.set_alpns([])
        if self._streams:
            await asyncio.wait(self._streams, timeout=grace_s)
        tasks = self._tasks | self._streams
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._endpoint.close()
        self._endpoint = None

    @property
    def _bound(self) -> Endpoint:
        if self._endpoint is None:
            raise RuntimeError("the wire is not started")
        return self._endpoint

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        _keep(self._tasks, work)

    async def _accept(self, endpoint: Endpoint) -> None:
        while True:
            try:
                incoming = await endpoint.accept_next()
                if incoming is None:
                    return
                if self._handshakes >= self._limits.handshakes or self._peers.total() >= self._limits.connections:
                    await incoming.refuse()
                    continue
            except IrohError as error:
                _log.debug("an attempt to connect failed: %s", error.kind().name)
                continue
            self._spawn(self._greet(incoming))

    async def _greet(self, incoming: Incoming) -> None:
        self._handshakes += 1
        try:
            async with asyncio.timeout(self._limits.handshake_s):
                accepting: Accepting = await incoming.accept()
                connection = await accepting.connect()
        except (IrohError, TimeoutError):
            return
        finally:
            self._handshakes -= 1
        peer = connection.remote_id().to_bytes()
        if self._peers[peer] >= self._limits.connections_per_peer:
            connection.close(CODE_TOO_MANY, b"too many connections")
            return
        self._peers[peer] += 1
        try:
            await self._serve(connection, loopback_source(peer))
        finally:
            self._peers[peer] -= 1
            self._peers += Counter()  # forgets peers at zero

    async def _serve(self, connection: Connection, source: str) -> None:
        connection.set_max_concurrent_bi_streams(self._limits.streams_per_connection)
        connection.set_max_concurrent_uni_streams(0)
        connection.set_receive_window(self._limits.receive_window_bytes)
        mine: set[asyncio.Task[None]] = set()
        try:
            while True:
                try:
                    async with asyncio.timeout(self._limits.unused_s):
                        stream = await connection.accept_bi()
                except TimeoutError:
                    if mine:
                        continue
                    connection.close(CODE_UNUSED, b"unused")
                    return
                work = pipe(stream, self._http_port, source, self._limits.deadlines)
                task = _keep(mine, work)
                self._streams.add(task)
                task.add_done_callback(self._streams.discard)
        except IrohError:
            return  # the peer closed the connection, or it broke
        finally:
            for task in mine:
                task.cancel()


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """Run `work`, holding on to it; what it did not expect is a bug and is reported, and only that task dies of it."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (bug := task.exception()) is not None:
        _log.error("a task of the wire failed: %s", type(bug).__name__, exc_info=bug)
