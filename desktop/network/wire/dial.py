"""The buyer's side of the wire: HTTP to a public key, with no port open on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
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


class WireDialer:
    """Opens streams to endpoints by public key; one connection per endpoint, shared by all its streams.

    Without `secret` (32 bytes) the buyer has a new identity each time, so that two runs cannot be linked by it.
    """

    def __init__(self, reach: Reach | None = None, *, secret: bytes | None = None, connect_s: float = 15.0) -> None:
        self._reach = reach or Reach()
        self._secret = secret
        self._connect_s = connect_s
        self._endpoint: Endpoint | None = None
        self._connections: dict[str, tuple[WireAddress, Connection]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
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
        await self._guarded(self._connection(address), address)

    async def open(self, address: WireAddress) -> BiStream:
        """A new stream to that endpoint. Raises ProviderUnreachable within the deadline."""
        return await self._guarded(self._stream(address), address)

    async def close(self) -> None:
        """Close every connection; streams still open break."""
        for _, connection in self._connections.values():
            connection.close(0, b"")
        self._connections.clear()
        if self._endpoint is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._endpoint.close()
            self._endpoint = None

    async def _guarded(self, work: Coroutine[None, None, T], address: WireAddress) -> T:
        try:
            async with asyncio.timeout(self._connect_s):
                return await work
        except TimeoutError:
            raise _unreachable("It did not answer in time.") from None
        except IrohError as error:
            self._connections.pop(address.endpoint_id, None)
            raise _unreachable(f"The wire said: {error.kind().name.lower()}.") from None

    async def _stream(self, address: WireAddress) -> BiStream:
        return await (await self._connection(address)).open_bi()

    async def _connection(self, address: WireAddress) -> Connection:
        async with self._locks.setdefault(address.endpoint_id, asyncio.Lock()):
            dialed, known = self._connections.get(address.endpoint_id, (None, None))
            # Announced elsewhere, the peer was started anew, and nobody is left at the old end to say goodbye.
            if known is not None and dialed == address and known.close_reason() is None:
                return known
            endpoint = await self._bound()
            wanted = EndpointId.from_string(address.endpoint_id)
            target = EndpointAddr(wanted, address.relay_url, list(address.addresses))
            connection = await _dial(endpoint, target, known)
            # The handshake proves the key already; a paid request must not hang on another layer's promise alone.
            if connection.remote_id().to_bytes() != wanted.to_bytes() or connection.alpn() != ALPN:
                connection.close(0, b"")
                raise _unreachable("Someone else answered.")
            self._connections[address.endpoint_id] = (address, connection)
            return connection

    async def _bound(self) -> Endpoint:
        async with self._opening:
            if self._endpoint is None:
                self._endpoint = await bind(self._reach, secret=self._secret, accept=False)
            return self._endpoint


async def _dial(endpoint: Endpoint, target: EndpointAddr, known: Connection | None) -> Connection:
    """A new connection. The endpoint tries the way of `known` first: where that died unnoticed, it is closed."""
    if known is not None and known.close_reason() is None:
        try:
            async with asyncio.timeout(_KNOWN_WAY_S):
                return await endpoint.connect(target, ALPN)
        except TimeoutError:
            known.close(0, b"")
    return await endpoint.connect(target, ALPN)


def _unreachable(why: str) -> ProviderUnreachable:
    return ProviderUnreachable("The provider could not be reached.", why=why, now="Try another provider, or later.")
