"""Visitors who mean no good: slow, huge, garbled, many. The server answers or hangs up, and goes on."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from desktop.network.api.limits import Limits
from tests.fakes.desk import Behaviour
from tests.fakes.patience import until
from tests.network.api.conftest import GENEROUS, Serve, Served

HELLO = {"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}
CHAT = "/v1/chat/completions"
HASTY = Limits(head_timeout_s=0.3, body_timeout_s=0.3, write_timeout_s=0.3, idle_timeout_s=1)


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up; how it does that is its business."""
    heard = b""
    async with asyncio.timeout(30):
        while True:
            try:
                chunk = await reader.read(65536)
            except ConnectionError:
                return heard
            if not chunk:
                return heard
            heard += chunk


async def ask(served: Served, raw: bytes) -> bytes:
    async with connected(served) as (reader, writer):
        writer.write(raw)
        return await read_all(reader)


def post(body: bytes, *headers: str) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def alive(served: Served) -> bool:
    return (await served.http.get("/v1/models")).status_code == 200


async def test_who_says_nothing_or_half_a_head_is_hung_up_on(serve: Serve) -> None:
    served = await serve(HASTY)
    for start in (b"", b"GET /v1/mod", b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-A: "):
        heard = await ask(served, start)
        assert heard.startswith(b"HTTP/1.1 408 ")
        assert b'"request_timeout"' in heard
    assert await alive(served)


async def test_a_head_that_drips_is_hung_up_on_in_time(serve: Serve) -> None:
    served = await serve(HASTY)
    async with connected(served) as (reader, writer):

        async def drip() -> None:
            while True:
                writer.write(b"G")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(30):
            heard = await read_all(reader)
        dripping.cancel()
    assert b" 408 " in heard or not heard


async def test_a_body_that_does_not_come_is_refused_in_time(serve: Serve) -> None:
    served = await serve(HASTY)
    for framing in ("Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
        heard = await ask(served, f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{framing}".encode())
        assert heard.startswith(b"HTTP/1.1 408 ")
    assert await alive(served)
    assert not served.desk.jobs


async def test_a_body_nobody_reads_any_more_does_not_hold_the_connection(serve: Serve) -> None:
    served = await serve(HASTY)
    heard = await ask(served, b"POST /v1/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
    assert heard.startswith(b"HTTP/1.1 404 ")


async def test_an_idle_connection_is_closed(serve: Serve) -> None:
    served = await serve(HASTY)
    async with connected(served) as (reader, writer):
        writer.write(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(30):
            assert (await read_all(reader)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("declared", [True, False])
async def test_an_oversized_body_is_refused_whatever_it_says_of_itself(served: Served, *, declared: bool) -> None:
    huge = b'{"model": "' + b"x" * (GENEROUS.body_bytes + 10) + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(huge), 10_000):
            yield huge[start : start + 10_000]

    response = await served.http.post(CHAT, content=huge if declared else pieces(), headers=await served.key())
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert "retry-after" in response.headers
    assert await alive(served)


async def test_a_body_of_the_largest_size_is_taken(served: Served) -> None:
    empty = json.dumps({**HELLO, "messages": [{"role": "user", "content": ""}]})
    text = "x" * (GENEROUS.body_bytes - len(empty))
    body = json.dumps({**HELLO, "messages": [{"role": "user", "content": text}]}).encode()
    assert len(body) == GENEROUS.body_bytes
    assert (await served.http.post(CHAT, content=body, headers=await served.key())).status_code == 200


async def test_all_bodies_together_have_a_limit(serve: Serve) -> None:
    served = await serve(Limits(buffered_bytes=1000, body_timeout_s=5))
    async with connected(served) as (_, writer):
        writer.write(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n".encode() + b"x" * 900)
        asked = json.dumps({**HELLO, "user": "u" * 200}).encode()
        pay = await served.key()
        async with asyncio.timeout(30):
            while (response := await served.http.post(CHAT, content=asked, headers=pay)).status_code != 503:
                continue
        assert response.json()["error"]["code"] == "overloaded"
        assert "retry-after" in response.headers
    async with asyncio.timeout(30):
        while (await served.http.post(CHAT, content=asked, headers=pay)).status_code != 200:
            continue


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 50,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST " + CHAT.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
    ],
)
async def test_garbage_is_refused_in_json(served: Served, garbage: bytes) -> None:
    heard = await ask(served, garbage)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["code"] == "malformed_request"
    assert await alive(served)


@pytest.mark.parametrize(
    "request_line",
    ["CONNECT x:443", "OPTIONS *", "PRI *", "GET http://other/v1/models", "BREW /v1/models", "GET /%00%ff"],
)
async def test_odd_requests_are_answered_in_json(served: Served, request_line: str) -> None:
    heard = await ask(served, f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert heard[9:12] in {b"404", b"405"}
    assert b'{"error":' in heard


async def test_too_many_or_too_long_headers_are_refused(served: Served) -> None:
    many = post(b"{}", *(f"X-{number}: y" for number in range(100)))
    assert (await ask(served, many)).startswith(b"HTTP/1.1 431 ")
    long = post(b"{}", f"X-Cashu: cashuB{'a' * GENEROUS.head_bytes}")
    assert (await ask(served, long))[9:12] in {b"431", b"400"}


async def test_other_protocols_are_not_spoken(served: Served) -> None:
    raw = (
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert (await ask(served, raw)).startswith(b"HTTP/1.1 200 ")


async def test_requests_in_a_row_on_one_connection_are_all_answered(served: Served) -> None:
    one = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    heard = await ask(served, one * 20 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert heard.count(b"HTTP/1.1 200 ") == 21


async def test_garbage_after_a_request_does_not_disturb_its_answer(served: Served) -> None:
    pay = await served.key()
    body = json.dumps(HELLO).encode()
    raw = post(body, f"Authorization: {pay['authorization']}").replace(b"Connection: close\r\n", b"")
    heard = await ask(served, raw + b"\x00garbage\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 " in heard


async def test_who_leaves_in_the_middle_of_a_body_opens_nothing(served: Served) -> None:
    token = served.desk.mint(100)
    async with connected(served) as (_, writer):
        writer.write(post(b"x" * 5000, f"X-Cashu: {token}")[:-10])
        await writer.drain()
    assert await alive(served)
    assert not served.desk.jobs
    assert token not in served.desk.spent


async def test_a_reader_that_does_not_read_loses_its_job(serve: Serve) -> None:
    served = await serve(HASTY)
    served.desk.behaviour = Behaviour(script=("x" * 65536,) * 1000)
    pay = await served.key(100_000)
    body = json.dumps({**HELLO, "stream": True}).encode()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", served.port))
        await asyncio.get_running_loop().sock_sendall(sock, post(body, f"Authorization: {pay['authorization']}"))
        await until(lambda: bool(served.desk.jobs) and served.desk.jobs[0].closed.is_set())
    job = served.desk.jobs[0]
    assert job.pieces_made < 900
    assert (job.cancel_calls, job.settle_calls) == (1, 1)


async def test_a_reader_that_is_merely_slow_gets_everything(serve: Serve) -> None:
    served = await serve(HASTY)
    served.desk.behaviour = Behaviour(script=("x" * 65536,) * 100)
    pay = await served.key(100_000)
    heard = 0
    async with served.http.stream("POST", CHAT, json={**HELLO, "stream": True}, headers=pay) as response:
        async for chunk in response.aiter_raw():
            heard += len(chunk)
            await asyncio.sleep(0.001)
    assert heard > 100 * 65536
    assert served.desk.jobs[0].cancel_calls == 0


async def test_two_hundred_at_once_are_all_answered(served: Served) -> None:
    served.desk.behaviour = Behaviour(gated=True)
    pay = await served.key(100_000)
    body = json.dumps({**HELLO, "stream": True}).encode()
    asked = post(body, f"Authorization: {pay['authorization']}")
    everybody = [asyncio.create_task(ask(served, asked)) for _ in range(200)]
    await until(lambda: len(served.desk.jobs) == 200)
    assert await alive(served)
    for job in served.desk.jobs:
        for _ in range(3):
            job.permits.release()
    heard = await asyncio.gather(*everybody)
    assert all(b"world" in answer and b"[DONE]" in answer for answer in heard)
    assert all(job.settle_calls == 1 for job in served.desk.jobs)


async def test_two_hundred_silent_ones_do_not_lock_others_out(served: Served) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(200)]
    assert (await served.http.post(CHAT, json=HELLO, headers=await served.key())).status_code == 200
    for _, writer in silent:
        writer.transport.abort()


async def test_more_connections_than_there_is_room_for_are_told_so(serve: Serve) -> None:
    served = await serve(Limits(connections_per_address=2))
    async with connected(served), connected(served):
        async with asyncio.timeout(30):
            while not (heard := await ask(served, b"")).startswith(b"HTTP/1.1 503 "):
                continue
        assert b"retry-after: 1" in heard.lower()
    async with asyncio.timeout(30):
        while not (await ask(served, post(b"{}"))).startswith(b"HTTP/1.1 400 "):
            continue


async def test_more_requests_than_there_is_room_for_are_told_so(serve: Serve) -> None:
    served = await serve(Limits(requests_in_flight=2))
    served.desk.behaviour = Behaviour(gated=True)
    pay = await served.key(100_000)
    running = [asyncio.create_task(served.http.post(CHAT, json=HELLO, headers=pay)) for _ in range(2)]
    await until(lambda: len(served.desk.jobs) == 2)
    refused = await served.http.get("/v1/models")
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    for job in served.desk.jobs:
        for _ in range(3):
            job.permits.release()
    assert [(await request).status_code for request in running] == [200, 200]
    assert await alive(served)
