"""The wire with real endpoints on this machine and a real HTTP server behind it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from desktop.network.wire.address import WireAddress
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from tests.fakes.http_server import serving
from tests.fakes.patience import until

LOOPBACK = Reach(loopback=True)


class Shop:
    """An HTTP server that records who came and whether a stream was cut off."""

    def __init__(self) -> None:
        self.clients: list[str] = []
        self.cut = asyncio.Event()
        self.streaming = asyncio.Event()
        self.port = 0

    async def echo(self, request: Request) -> Response:
        assert request.client is not None
        self.clients.append(request.client.host)
        return Response(await request.body())

    async def ticks(self, _: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            try:
                for number in range(1000):
                    yield f"data: {number}\n\n".encode()
                    self.streaming.set()
                    await asyncio.sleep(0.01)
            finally:
                self.cut.set()

        return StreamingResponse(body(), media_type="text/event-stream")

    async def hello(self, _: Request) -> Response:
        return PlainTextResponse("hello")


@asynccontextmanager
async def opened(shop: Shop) -> AsyncIterator[Shop]:
    app = Starlette(
        routes=[
            Route("/echo", shop.echo, methods=["POST"]),
            Route("/ticks", shop.ticks),
            Route("/", shop.hello),
        ]
    )
    async with serving(app) as port:
        shop.port = port
        yield shop


async def test_http_reaches_the_server_by_public_key() -> None:
    async with (
        opened(Shop()) as shop,
        WireServer(b"\x01" * 32, shop.port, LOOPBACK) as server,
        WireDialer(LOOPBACK) as dialer,
        dialer.client(server.address()) as client,
    ):
        assert (await client.get("/")).text == "hello"
        body = bytes(range(256)) * 5000
        assert (await client.post("/echo", content=body)).content == body
        assert shop.clients[0].startswith("127.")
        assert shop.clients[0] != "127.0.0.1"


async def test_a_buyer_who_hangs_up_cuts_the_stream_off() -> None:
    async with (
        opened(Shop()) as shop,
        WireServer(b"\x01" * 32, shop.port, LOOPBACK) as server,
        WireDialer(LOOPBACK) as dialer,
    ):
        async with dialer.client(server.address()) as client, client.stream("GET", "/ticks") as response:
            async for line in response.aiter_lines():
                assert line == "data: 0"
                break
        await until(lambda: shop.cut.is_set() and server.load.streams == 0)


async def test_a_peer_that_was_killed_and_started_anew_is_reached_soon() -> None:
    """Its old connection looks alive for half a minute; nobody waits that long."""
    async with WireDialer(LOOPBACK) as dialer:
        for _ in range(3):
            async with killed_at_the_end() as address, asyncio.timeout(25), dialer.client(address) as client:
                assert (await client.get("/")).text == "hello"


@asynccontextmanager
async def killed_at_the_end() -> AsyncIterator[WireAddress]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.network.wire.lonely_server"),
        cwd=Path(__file__).parents[3],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield WireAddress.parse((await process.stdout.readline()).decode().strip())
    finally:
        process.kill()
        await process.communicate()
