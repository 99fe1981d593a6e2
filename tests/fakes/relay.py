"""A relay that says whatever it was told to, on the least of a WebSocket server (RFC 6455) that can say it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Self

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE = 0x1, 0x8
_MEDIUM, _LONG = 126, 127


class RelayOfStrangers:
    """Answers every REQ with `events` as they are and the `raw` messages, then EOSE; takes every EVENT, keeps none."""

    def __init__(self, events: Sequence[object] = (), *, raw: Sequence[str] = ()) -> None:
        self.taken = 0
        self.url = ""
        self._events = events
        self._raw = raw
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _shake_hands(reader, writer)
            while (message := await _receive(reader)) is not None:
                for answer in self._answers(message):
                    writer.write(_frame(answer.encode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _answers(self, message: list[object]) -> list[str]:
        if message[0] == "EVENT" and isinstance(message[1], dict):
            self.taken += 1
            return [json.dumps(["OK", message[1]["id"], True, ""])]
        if message[0] != "REQ":
            return []
        events = [json.dumps(["EVENT", message[1], event]) for event in self._events]
        return [*self._raw, *events, json.dumps(["EOSE", message[1]])]


async def _shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    key = next(line.split(b":")[1].strip() for line in head if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")


async def _receive(reader: asyncio.StreamReader) -> list[object] | None:
    """The next message; None when the client closes. Pings are not answered: no test lasts that long."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == _MEDIUM:
            size = int.from_bytes(await reader.readexactly(2))
        elif size == _LONG:
            size = int.from_bytes(await reader.readexactly(8))
        mask = await reader.readexactly(4)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(size)))
        if first & 0x0F == _CLOSE:
            return None
        if first & 0x0F == _TEXT:
            message: list[object] = json.loads(data)
            return message


def _frame(data: bytes) -> bytes:
    if len(data) < _MEDIUM:
        return bytes([0x80 | _TEXT, len(data)]) + data
    if len(data) < 2**16:
        return bytes([0x80 | _TEXT, _MEDIUM]) + len(data).to_bytes(2) + data
    return bytes([0x80 | _TEXT, _LONG]) + len(data).to_bytes(8) + data
