"""What strangers may do to the wire: noise, floods, silence, half words. The server lives and keeps serving."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from iroh import BiStream, Connection, Endpoint, EndpointAddr, EndpointId, IrohError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from desktop.domain.errors import ProviderUnreachable
from desktop.network.wire.address import WireAddress
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireLimits, WireServer
from desktop.network.wire.pipe import CODE_SILENT, CODE_UNAVAILABLE, PipeDeadlines
from desktop.network.wire.reach import ALPN, Reach, bind
from tests.fakes.http_server import serving
from tests.fakes.patience import until

LOOPBACK = Reach(loopback=True)
HELLO = b"GET / HTTP/1.1\r\nHost: node\r\n\r\n"


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


@asynccontextmanager
async def server(limits: WireLimits | None = None, *, port: int | None = None) -> AsyncIterator[WireServer]:
    async with serving(APP) as http_port, WireServer(b"\x05" * 32, port or http_port, LOOPBACK, limits) as wire:
        yield wire


async def still_serves(wire: WireServer) -> bool:
    async with WireDialer(LOOPBACK) as dialer, dialer.client(wire.address()) as client:
        return (await client.get("/")).text == "hello"


@asynccontextmanager
async def stranger() -> AsyncIterator[Endpoint]:
    endpoint = await bind(LOOPBACK, secret=None, accept=False)
    try:
        yield endpoint
    finally:
        await endpoint.close()


def target(wire: WireServer) -> EndpointAddr:
    address = wire.address()
    return EndpointAddr(EndpointId.from_string(address.endpoint_id), None, list(address.addresses))


async def dial(endpoint: Endpoint, wire: WireServer) -> Connection:
    async with asyncio.timeout(30):
        return await endpoint.connect(target(wire), ALPN)


async def ending(stream: BiStream) -> str:
    """How a stream is broken off that brings nothing."""
    with pytest.raises(IrohError) as broken:
        await asyncio.wait_for(stream.recv().read(100), 30)
    return broken.value.message()


async def test_noise_on_the_port() -> None:
    noise = random.Random(7)
    async with server() as wire:
        host, _, port = wire.address().addresses[0].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(3000):
                sock.sendto(noise.randbytes(noise.randrange(1, 1400)), (host, int(port)))
        assert await still_serves(wire)
        assert wire.load.connections <= 1


async def test_noise_on_a_stream_is_the_http_servers_matter() -> None:
    noise = random.Random(8)
    async with server() as wire, stranger() as endpoint:
        connection = await dial(endpoint, wire)
        for _ in range(20):
            stream = await connection.open_bi()
            await stream.send().write_all(noise.randbytes(3000) + b"\r\n\r\n")
            answer = await asyncio.wait_for(stream.recv().read_to_end(10_000), 30)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        assert await still_serves(wire)


async def test_another_protocol_is_not_spoken() -> None:
    async with server() as wire, stranger() as endpoint:
        with pytest.raises(IrohError):
            await asyncio.wait_for(endpoint.connect(target(wire), b"something/else"), 30)
        assert await still_serves(wire)


async def test_who_ends_its_own_direction_still_gets_its_answer() -> None:
    async with server() as wire, stranger() as endpoint:
        stream = await (await dial(endpoint, wire)).open_bi()
        await stream.send().write_all(HELLO.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await stream.send().finish()
        answer = await asyncio.wait_for(stream.recv().read_to_end(10_000), 30)
        assert answer.endswith(b"hello")


async def test_streams_that_say_nothing_or_stop_moving_are_closed() -> None:
    limits = WireLimits(deadlines=PipeDeadlines(first_byte_s=0.3, idle_s=0.3))
    async with server(limits) as wire, stranger() as endpoint:
        connection = await dial(endpoint, wire)
        empty = await connection.open_bi()
        await empty.send().finish()
        halfway = await connection.open_bi()
        await halfway.send().write_all(HELLO[:10])
        for stream in (empty, halfway):
            assert await ending(stream) == f"Reset({CODE_SILENT})"
        await until(lambda: wire.load.streams == 0)
        assert await still_serves(wire)


async def test_unused_connections_are_closed() -> None:
    async with server(WireLimits(unused_s=0.2)) as wire, stranger() as endpoint:
        connection = await dial(endpoint, wire)
        assert "unused" in await asyncio.wait_for(connection.closed(), 30)
        await until(lambda: wire.load.connections == 0)


async def test_a_connection_in_use_is_kept() -> None:
    async with server(WireLimits(unused_s=0.2)) as wire, stranger() as endpoint:
        connection = await dial(endpoint, wire)
        stream = await connection.open_bi()
        await stream.send().write_all(HELLO[:10])
        await asyncio.sleep(0.5)
        await stream.send().write_all(HELLO[10:])
        assert b"200 OK" in await asyncio.wait_for(stream.recv().read(1000), 30)


async def test_one_peer_gets_few_connections_and_all_together_a_limited_number() -> None:
    async with server(WireLimits(connections=3, connections_per_peer=2)) as wire:
        async with stranger() as greedy, stranger() as other:
            kept = [await dial(greedy, wire) for _ in range(2)]
            await until(lambda: wire.load.connections == 2)
            third = await dial(greedy, wire)
            assert "too many" in await asyncio.wait_for(third.closed(), 30)
            kept.append(await dial(other, wire))
            await until(lambda: wire.load.connections == 3)
            with pytest.raises(IrohError):
                await dial(other, wire)
            assert [c.close_reason() for c in kept] == [None] * 3
        await until(lambda: wire.load.connections == 0)
        assert await still_serves(wire)


async def test_streams_above_the_limit_wait_for_their_turn() -> None:
    async with server(WireLimits(streams_per_connection=4)) as wire, stranger() as endpoint:
        connection = await dial(endpoint, wire)
        held = []
        for _ in range(4):
            stream = await connection.open_bi()
            await stream.send().write_all(HELLO[:10])
            held.append(stream)
        await until(lambda: wire.load.streams == 4)
        waiting = asyncio.ensure_future(connection.open_bi())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        if done:  # the window may have room for streams opened before the limit arrived; they are still bounded
            assert wire.load.streams <= 5
        await held[0].send().write_all(HELLO[10:])
        await held[0].recv().read(1000)
        await held[0].send().reset(0)
        stream = await asyncio.wait_for(waiting, 30)
        await stream.send().write_all(HELLO)
        assert b"200 OK" in await asyncio.wait_for(stream.recv().read(1000), 30)


async def test_two_hundred_requests_at_once_are_all_answered() -> None:
    async with server() as wire, WireDialer(LOOPBACK) as dialer:
        limits = httpx.Timeout(60.0)
        async with dialer.client(wire.address(), timeout=limits) as client:
            answers = await asyncio.gather(*[client.get("/") for _ in range(200)])
        assert {answer.text for answer in answers} == {"hello"}
        await until(lambda: wire.load.streams == 0)


async def test_without_an_http_server_the_buyer_is_told_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    async with server(port=nobody) as wire, stranger() as endpoint:
        stream = await (await dial(endpoint, wire)).open_bi()
        await stream.send().write_all(HELLO)
        assert await ending(stream) == f"Reset({CODE_UNAVAILABLE})"


async def test_an_impostor_at_the_announced_address_is_not_spoken_to() -> None:
    async with server() as wire, WireDialer(LOOPBACK, connect_s=1.0) as hasty, WireDialer(LOOPBACK) as dialer:
        real = wire.address()
        other = WireAddress("ab" * 32, None, real.addresses)
        with pytest.raises(ProviderUnreachable):
            await hasty.connect(other)
        await dialer.connect(real)


async def test_a_server_that_came_back_is_found_again() -> None:
    async with serving(APP) as port, WireDialer(LOOPBACK) as dialer:
        for _ in range(2):
            async with WireServer(b"\x06" * 32, port, LOOPBACK) as wire, dialer.client(wire.address()) as client:
                assert (await client.get("/")).text == "hello"


async def test_an_answer_under_way_is_delivered_before_the_server_stops() -> None:
    proceed = asyncio.Event()

    async def slow(_: Request) -> Response:
        await proceed.wait()
        return PlainTextResponse("x" * 300_000)

    async with serving(Starlette(routes=[Route("/", slow)])) as port, WireDialer(LOOPBACK) as dialer:
        wire = WireServer(b"\x07" * 32, port, LOOPBACK)
        await wire.start()
        async with dialer.client(wire.address()) as client:
            request = asyncio.ensure_future(client.get("/"))
            await until(lambda: wire.load.streams == 1)
            stopping = asyncio.ensure_future(wire.stop(grace_s=30))
            proceed.set()
            assert len((await request).text) == 300_000
            await stopping
