"""What reaching a node by public key costs beside plain loopback, and what the network's parts take of memory.

Run as a program: `python -m tests.bench.wire`. Both ends of the wire, the HTTP server and the client share one
process, so every byte is handled four times here; the difference between the two columns is the wire. Bulk is bound
by what this machine takes for a UDP datagram: no answer of a language model comes near it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from desktop.network.local.relay import LocalRelay
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from tests.fakes.http_server import serving

LOOPBACK = Reach(loopback=True)
HANDSHAKES = 30
ROUND_TRIPS = 200
BULK_BYTES = 32 * 1024 * 1024
EVENTS = 5000
EVENT = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
PACED_EVENTS = 200
PACE_S = 0.01
IDLE_S = 10.0
# What the design promises of a whole node; this is a part of one.
MOST_MB = 90
MOST_DELAY_MS = 15
MOST_ENROLLING_MS = 3000

NODE = """
import asyncio, sys, time
import psutil
from desktop.network.api.app import create_app
from desktop.network.directory.announcement import Announcement
from desktop.network.directory.enrolment import Enrolment
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Relays
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach

async def main():
    me = psutil.Process()
    rss = lambda: me.memory_info().rss / 1e6
    imported = rss()
    now_ms = lambda: int(time.time() * 1000)
    async with WireServer(bytes(31) + b"1", 9, Reach(loopback=True)) as wire:
        wired = rss()
        async with Relays(sys.argv[2:], now_ms=now_ms) as relays:
            announcement = Announcement("bench", (str(wire.address()),), (), "0")
            started = time.perf_counter()
            async with Enrolment(relays, NostrIdentity(bytes(31) + b"2"), announcement, now_ms=now_ms) as enrolment:
                await enrolment.wait_enrolled(10)
                enrolled_ms = (time.perf_counter() - started) * 1e3
                before = sum(me.cpu_times()[:2])
                await asyncio.sleep(float(sys.argv[1]))
                idle = (sum(me.cpu_times()[:2]) - before) / float(sys.argv[1]) * 100
                print(f"{imported:.0f} {wired - imported:.1f} {rss():.0f} {enrolled_ms:.0f} {idle:.2f}")

asyncio.run(main())
"""


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def bulk(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(BULK_BYTES // 65536):
            yield bytes(65536)

    return StreamingResponse(body())


async def events(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(EVENTS):
            yield EVENT

    return StreamingResponse(body(), media_type="text/event-stream")


async def paced(_: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        start = time.perf_counter()
        for index in range(PACED_EVENTS):
            await asyncio.sleep(max(0.0, start + index * PACE_S - time.perf_counter()))
            yield b"data: %.9f\n\n" % time.perf_counter()

    return StreamingResponse(body(), media_type="text/event-stream")


APP = Starlette(
    routes=[Route("/", hello), Route("/bulk", bulk), Route("/events", events), Route("/paced", paced)],
)


def say(line: str) -> None:
    """Print at once, so that a bench that hangs shows where."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def handshake_ms(server: WireServer) -> float:
    """The median time to a new connection, from a new identity each time."""
    times = []
    for _ in range(HANDSHAKES):
        async with WireDialer(LOOPBACK) as dialer:
            await dialer.connect(server.address())  # the first one opens the socket too
        async with WireDialer(LOOPBACK) as dialer:
            started = time.perf_counter()
            await dialer.connect(server.address())
            times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


async def round_trip_ms(client: httpx.AsyncClient) -> tuple[float, float]:
    """Median and 99th percentile of one small request on a connection (or stream) of its own."""
    await client.get("/")
    times = []
    for _ in range(ROUND_TRIPS):
        started = time.perf_counter()
        await client.get("/")
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times), sorted(times)[int(len(times) * 0.99)]


async def drain_s(client: httpx.AsyncClient, path: str) -> float:
    """Seconds to read that answer to its end."""
    started = time.perf_counter()
    async with client.stream("GET", path) as response:
        async for _ in response.aiter_raw():
            continue
    return time.perf_counter() - started


async def delay_ms(client: httpx.AsyncClient) -> tuple[float, float]:
    """Median and 99th percentile of the time a paced event needs from the server's hand to ours."""
    async with client.stream("GET", "/paced") as response:
        delays = [
            (time.perf_counter() - float(line[6:])) * 1e3
            async for line in response.aiter_lines()
            if line.startswith("data: ")
        ]
    return statistics.median(delays), sorted(delays)[int(len(delays) * 0.99)]


async def node_figures() -> list[float]:
    """A process with the network's parts of a node, enrolled on two relays: see NODE."""
    async with LocalRelay() as one, LocalRelay() as two:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *("-c", NODE, str(IDLE_S), one.url, two.url), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    return [float(figure) for figure in output.split()]


async def main() -> int:
    """Measure and print; 0 if memory, delay and time to enrol are within what the design promises."""
    async with (
        serving(APP) as port,
        WireServer(b"\x31" * 32, port, LOOPBACK) as server,
        WireDialer(LOOPBACK) as dialer,
        dialer.client(server.address()) as wire,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", limits=httpx.Limits(max_keepalive_connections=0), trust_env=False
        ) as plain,
    ):
        say(f"new connection by public key          {await handshake_ms(server):8.1f} ms")
        say("                                         loopback       wire")
        plain_trip, wire_trip = await round_trip_ms(plain), await round_trip_ms(wire)
        say(f"small request, median                 {plain_trip[0]:8.2f} ms {wire_trip[0]:8.2f} ms")
        say(f"small request, 99th percentile        {plain_trip[1]:8.2f} ms {wire_trip[1]:8.2f} ms")
        plain_delay, wire_delay = await delay_ms(plain), await delay_ms(wire)
        say(f"one token of a stream, median         {plain_delay[0]:8.2f} ms {wire_delay[0]:8.2f} ms")
        say(f"one token of a stream, 99th percentile{plain_delay[1]:8.2f} ms {wire_delay[1]:8.2f} ms")
        rates = [EVENTS / await drain_s(client, "/events") for client in (plain, wire)]
        say(f"tokens of one unpaced stream          {rates[0]:8,.0f} /s {rates[1]:8,.0f} /s")
        speeds = [BULK_BYTES / 2**20 / await drain_s(client, "/bulk") for client in (plain, wire)]
        say(f"bulk                                  {speeds[0]:8.0f} MiB/s {speeds[1]:5.0f} MiB/s")
    imported, wired, enrolled_mb, enrolled_ms, idle = await node_figures()
    say(
        f"node's network parts: {imported:.0f} MB imported, +{wired:.1f} MB for the wire, {enrolled_mb:.0f} MB enrolled"
    )
    say(f"enrolled on two relays after {enrolled_ms:.0f} ms; idle {idle:.2f} % of a core")
    return int(enrolled_mb > MOST_MB or wire_delay[0] > MOST_DELAY_MS or enrolled_ms > MOST_ENROLLING_MS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
