"""A wire server in a process of its own, to be killed: says its address, and hello to whoever comes."""

from __future__ import annotations

import asyncio
import sys

from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    writer.close()


async def main() -> None:
    http = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with WireServer(b"\x07" * 32, http.sockets[0].getsockname()[1], Reach(loopback=True)) as wire:
        print(wire.address(), flush=True)  # noqa: T201 - its parent reads it
        await asyncio.to_thread(sys.stdin.read)  # ends with whoever started us


if __name__ == "__main__":
    asyncio.run(main())
