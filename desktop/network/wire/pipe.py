"""One stream of the wire, piped byte for byte to one connection of the HTTP server on this machine."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from iroh import BiStream, IrohError, RecvStream, SendStream

CHUNK_BYTES = 64 * 1024
CODE_DONE = 0
CODE_SILENT = 1
CODE_UNAVAILABLE = 2
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class PipeDeadlines:
    """Seconds: until the first byte, until the HTTP server takes the connection, without progress, for last bytes."""

    first_byte_s: float = 20.0
    connect_s: float = 5.0
    idle_s: float = 600.0
    last_bytes_s: float = 10.0


class _PeerGone(Exception):
    """The peer dropped the stream or its connection: whatever it asked for is no longer wanted."""


def loopback_source(endpoint_id: bytes) -> str:
    """The loopback address that stands for a peer, so that limits per address work for peers of the wire too.

    127.64.0.0 … 127.127.255.255, by the key's hash. Two peers may share one; a peer may make itself many keys.
    """
    digest = hashlib.sha256(endpoint_id).digest()
    return f"127.{64 + digest[0] % 64}.{digest[1]}.{digest[2]}"


async def pipe(stream: BiStream, http_port: int, source: str, deadlines: PipeDeadlines) -> None:
    """Carry one stream until the HTTP server has said everything, the peer is gone, or nothing moves any more.

    A peer that only ends its own direction is still owed its answer, so that end is not passed on. A peer that resets
    the stream is gone: the HTTP connection is dropped at once, which cancels work. Expected failures end here.
    """
    receiving, sending = stream.recv(), stream.send()
    try:
        async with asyncio.timeout(deadlines.first_byte_s):
            first = await receiving.read(CHUNK_BYTES)
    except TimeoutError:
        await _refuse(receiving, sending, CODE_SILENT)
        return
    except IrohError:
        return
    if not first:
        await _refuse(receiving, sending, CODE_SILENT)
        return
    try:
        async with asyncio.timeout(deadlines.connect_s):
            reader, writer = await asyncio.open_connection(_HOST, http_port, local_addr=(source, 0))
    except (OSError, TimeoutError):
        await _refuse(receiving, sending, CODE_UNAVAILABLE)
        return
    try:
        writer.write(first)
        await _both_ways(receiving, sending, reader, writer, deadlines)
    finally:
        # Not close(): what the peer no longer wants must not be flushed first.
        writer.transport.abort()


async def _both_ways(
    receiving: RecvStream,
    sending: SendStream,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    deadlines: PipeDeadlines,
) -> None:
    code: int | None = None
    try:
        async with asyncio.timeout(deadlines.idle_s) as idle, asyncio.TaskGroup() as group:
            progress = _Progress(idle, deadlines.idle_s)
            rising = group.create_task(_rise(receiving, writer, progress))
            while data := await reader.read(CHUNK_BYTES):
                progress.happened()
                await _write(sending, data)
            rising.cancel()
    except* (_PeerGone, ConnectionError):
        code = CODE_DONE
    except* TimeoutError:
        code = CODE_SILENT
    if code is None:
        await _end(sending, deadlines.last_bytes_s)
    else:
        await _refuse(receiving, sending, code)


class _Progress:
    """Moves an idle deadline on whenever bytes move."""

    def __init__(self, deadline: asyncio.Timeout, idle_s: float) -> None:
        self._deadline = deadline
        self._idle_s = idle_s

    def happened(self) -> None:
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._idle_s)


async def _rise(receiving: RecvStream, writer: asyncio.StreamWriter, progress: _Progress) -> None:
    while data := await _read(receiving):
        progress.happened()
        writer.write(data)
        await writer.drain()


async def _read(receiving: RecvStream) -> bytes:
    try:
        return await receiving.read(CHUNK_BYTES)
    except IrohError:
        raise _PeerGone from None


async def _write(sending: SendStream, data: bytes) -> None:
    try:
        await sending.write_all(data)
    except IrohError:
        raise _PeerGone from None


async def _end(sending: SendStream, deadline_s: float) -> None:
    """Say that was all, and wait until the peer has it: closing the endpoint earlier would lose the last bytes."""
    try:
        await sending.finish()
        async with asyncio.timeout(deadline_s):
            await sending.stopped()
    except (IrohError, TimeoutError):
        return


async def _refuse(receiving: RecvStream, sending: SendStream, code: int) -> None:
    for close in (receiving.stop, sending.reset):
        try:
            await close(code)
        except IrohError:  # already closed by the peer, which is what we wanted
            continue
