"""The buyer's side of the wire: HTTP to a public key, with no port open on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Self, TypeVar

import httpx
from iroh import BiStream, Connection, Endpoint, EndpointAddr, EndpointId, IrohError

from desktop.domain.errors import ProviderUnreachable
from desktop.network.wire.address import WireAddress
from desktop.network.wire.reach import ALPN, Reach, bind
from desktop.network.wire.transport import StreamTransport

T = TypeVar("T")

# For a handshake by a way that is known; a second or two more than any round trip takes.
_KNOWN_WAY_S = 2.0


@dataclass(slots=True)
class _Peer:
    """One endpoint: the connections to it, the newest last, and every address under which it was reached."""

    connections: list[Connection] = field(default_factory=list)
    addresses: set[WireAddress] = field(default_factory=set)
    dialing: defaultdict[WireAddress, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @property
    def known(self) -> Connection | None:
        """The newest connection that is not known to have ended."""
        self.connections = [connection for connection in self.connections if connection.close_reason() is None]
        return self.connections[-1] if self.connections else None

    def close(self) -> None:
        """Close every connection; streams still open break."""
        for connection in self.connections:
            connection.close(0, b"")
        self.connections.clear()


class WireDialer:
    """Opens streams to endpoints by public key; one connection per endpoint, shared by all its streams.

    Without `secret` (32 bytes) the buyer has a new identity each time, so that two runs cannot be linked by it.
    """

    def __init__(self, reach: Reach | None = None, *, secret: bytes | None = None, connect_s: float = 15.0) -> None:
        self._reach = reach or Reach()
        self._secret = secret
        self._connect_s = connect_s
        self._endpoint: Endpoint | None = None
        self._peers: defaultdict[str, _Peer] = defaultdict(_Peer)
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def client(self, address: WireAddress, *, timeout: httpx.Timeout | None = None) -> httpx.AsyncClient:
        """An HTTP client whose every connection is a stream to that endpoint, and to no other host.

        Requests are paths (`/v1/models`). Raises httpx's errors; a peer that cannot be reached is `ConnectError`.
        """
        return httpx.AsyncClient(
            base_url=f"http://{address.endpoint_id}",
            transport=StreamTransport(lambda: self.open(address)),
            timeout=timeout or httpx.Timeout(30.0),
            trust_env=False,
        )

    async def connect(self, address: WireAddress) -> None:
        """Make sure that the endpoint answers, before anything is sent. Raises ProviderUnreachable in time."""
        await self._guarded(self._connection(address))

    async def open(self, address: WireAddress) -> BiStream:
        """A new stream to that endpoint. Raises ProviderUnreachable within the deadline."""
        return await self._guarded(self._stream(address))

    async def close(self) -> None:
        """Close every connection; streams still open break."""
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()
        if self._endpoint is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._endpoint.close()
            self._endpoint = None

    async def _guarded(self, work: Coroutine[None, None, T]) -> T:
        try:
            async with asyncio.timeout(self._connect_s):
                return await work
        except TimeoutError:
            raise _unreachable("It did not answer in time.") from None
        except IrohError as error:
            raise _unreachable(f"The wire said: {error.kind().name.lower()}.") from None

    async def _stream(self, address: WireAddress) -> BiStream:
        return await (await self._connection(address)).open_bi()

    async def _connection(self, address: WireAddress) -> Connection:
        peer = self._peers[address.endpoint_id]
        # For each address, so that one where nobody answers does not hold up another.
        async with peer.dialing[address]:
            known = peer.known
            # Announced where it never was before, the peer may have been started anew, and its old end be dead.
            if known is not None and address in peer.addresses:
                return known
            endpoint = await self._bound()
            wanted = EndpointId.from_string(address.endpoint_id)
            target = EndpointAddr(wanted, address.relay_url, list(address.addresses))
            connection = await _dial(endpoint, target, peer)
            # The handshake proves the key already; a paid request must not hang on another layer's promise alone.
            if connection.remote_id().to_bytes() != wanted.to_bytes() or connection.alpn() != ALPN:
                connection.close(0, b"")
                raise _unreachable("Someone else answered.")
            peer.connections.append(connection)
            peer.addresses.add(address)
            return connection

    async def _bound(self) -> Endpoint:
        async with self._opening:
            if self._endpoint is None:
                self._endpoint = await bind(self._reach, secret=self._secret, accept=False)
            return self._endpoint


async def _dial(endpoint: Endpoint, target: EndpointAddr, peer: _Peer) -> Connection:
    """A new connection. The endpoint tries the ways of known ones first: where those died unnoticed, they are ended."""
    if peer.known is not None:
        try:
            async with asyncio.timeout(_KNOWN_WAY_S):
                return await endpoint.connect(target, ALPN)
        except TimeoutError:
            peer.close()
    return await endpoint.connect(target, ALPN)


def _unreachable(why: str) -> ProviderUnreachable:
    return ProviderUnreachable("The provider could not be reached.", why=why, now="Try another provider, or later.")
