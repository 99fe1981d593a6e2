"""HTTP over streams of the wire, for httpx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress

import httpcore
import httpx
from iroh import BiStream, IrohError

from desktop.domain.errors import NetworkError

# The connection pool's error, and the one users of httpx know. The first match counts.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
)
_EXPECTED = tuple(inner for inner, _ in _ERRORS)


class StreamTransport(httpx.AsyncBaseTransport):
    """Sends each request over a stream of its own, got from `open_stream`.

    Streams are not kept for a second request: opening one costs no round trip, while a paid request sent into a
    connection that is just being closed costs a refund.
    """

    def __init__(self, open_stream: Callable[[], Awaitable[BiStream]]) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            max_keepalive_connections=0, network_backend=_StreamBackend(open_stream)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; the body of the response is read as it comes."""
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("the body of the request must be an async stream")
        inner = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._pool.handle_async_request(inner)
        except _EXPECTED as error:
            raise _translated(error) from error
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response, with errors translated."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.aiter_stream():
                yield part
        except _EXPECTED as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        await self._response.aclose()


class _StreamBackend(httpcore.AsyncNetworkBackend):
    """Opens a stream where httpcore would open a TCP connection; host and port were decided long before."""

    def __init__(self, open_stream: Callable[[], Awaitable[BiStream]]) -> None:
        self._open_stream = open_stream

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the interface is httpcore's
        port: int,  # noqa: ARG002 - same
        timeout: float | None = None,  # noqa: ASYNC109 - same
        local_address: str | None = None,  # noqa: ARG002 - same
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - same
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return _HttpStream(await self._open_stream())
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except NetworkError as error:
            raise httpcore.ConnectError(str(error)) from error


class _HttpStream(httpcore.AsyncNetworkStream):
    """One stream of the wire as httpcore sees it."""

    def __init__(self, stream: BiStream) -> None:
        self._receiving = stream.recv()
        self._sending = stream.send()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's interface
        try:
            async with asyncio.timeout(timeout):
                return await self._receiving.read(max_bytes)
        except TimeoutError:
            raise httpcore.ReadTimeout from None
        except IrohError as error:
            raise httpcore.ReadError(error.kind().name.lower()) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's interface
        try:
            async with asyncio.timeout(timeout):
                await self._sending.write_all(bytes(buffer))
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except IrohError as error:
            raise httpcore.WriteError(error.kind().name.lower()) from None

    async def aclose(self) -> None:
        # A reset, not an end: a peer that is still generating must learn that nobody listens any more.
        for close in (self._sending.reset, self._receiving.stop):
            with suppress(IrohError):
                await close(0)


def _translated(error: Exception) -> httpx.TransportError:
    for inner, outer in _ERRORS:
        if isinstance(error, inner):
            return outer(str(error))
    raise error
