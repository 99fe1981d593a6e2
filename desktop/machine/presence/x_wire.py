"""The X protocol, as much of it as asking a few questions takes, without a library and without blocking.

libX11 ends the process when the X server dies; python-xlib is not kept up and blocks; xcffib has no wheels. Five kinds
of request are less than any of them. Source: X Window System Protocol, version 11, and the extensions' own documents.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import asyncio
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from desktop.machine.presence.source import SourceFailed

_REPLY, _ERROR, _GENERIC_EVENT = 1, 0, 35
_HEAD_BYTES: Final = 32
_MOST_BYTES: Final = 1 << 20
_COOKIE: Final = b"MIT-MAGIC-COOKIE-1"
_LOCAL, _WILD = 256, 65535
_X_TCP_PORT: Final = 6000


class XError(Exception):
    """The server refused one request, for example because the window is gone; the connection goes on."""


@dataclass(frozen=True, slots=True)
class DisplayName:
    """`host:number.screen` as in $DISPLAY; `host` is empty for this computer's own socket."""

    host: str
    number: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Raises SourceFailed for what is no display."""
        host, colon, rest = name.rpartition(":")
        number = rest.partition(".")[0]
        if not colon or not number.isdecimal():
            raise SourceFailed(f"{name!r} names no display")
        return cls("" if host == "unix" else host, int(number))


class XConnection:
    """One connection; `request` may be called by one task at a time. After any exception but XError it is useless."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.root = 0

    @classmethod
    async def open(cls, display: str, authority: Path | None) -> Self:
        """Connect and introduce ourselves. Raises SourceFailed or OSError."""
        name = DisplayName.parse(display)
        cookie = b"" if authority is None else find_cookie(authority, name.number)
        reader, writer = await _connect(name)
        connection = cls(reader, writer)
        try:
            await connection._introduce(cookie)
        except BaseException:
            connection.close()
            raise
        return connection

    async def request(self, *requests: bytes) -> list[bytes | XError]:
        """Send requests in one piece; their replies in order, or what was wrong with one."""
        self._writer.write(b"".join(requests))
        return [await self._reply() for _ in requests]

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()

    async def _introduce(self, cookie: bytes) -> None:
        name = _COOKIE if cookie else b""
        greeting = struct.pack("<cxHHHHxx", b"l", 11, 0, len(name), len(cookie))
        self._writer.write(greeting + _padded(name) + _padded(cookie))
        head = await self._read(8)
        status, length = head[0], int.from_bytes(head[6:8], "little")
        body = await self._read(4 * length)
        if status != 1:
            raise SourceFailed("the display does not let us in")
        vendor_bytes = int.from_bytes(body[16:18], "little")
        formats = body[21]
        root_at = 32 + vendor_bytes + -vendor_bytes % 4 + 8 * formats
        self.root = int.from_bytes(body[root_at : root_at + 4], "little")

    async def _reply(self) -> bytes | XError:
        while True:
            head = await self._read(_HEAD_BYTES)
            if head[0] == _ERROR:
                return XError(f"X error {head[1]}")
            if head[0] in {_REPLY, _GENERIC_EVENT}:
                extra = 4 * int.from_bytes(head[4:8], "little")
                if extra > _MOST_BYTES:
                    raise SourceFailed("the display talks nonsense")
                whole = head + await self._read(extra)
                if head[0] == _REPLY:
                    return whole

    async def _read(self, count: int) -> bytes:
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError:
            raise SourceFailed("the display went away") from None


def query_extension(name: bytes) -> bytes:
    """Is there an extension of that name? Reply: byte 8 says whether, byte 9 is its opcode."""
    return struct.pack("<BxHHxx", 98, 2 + _words(name), len(name)) + _padded(name)


def intern_atom(name: bytes) -> bytes:
    """The number of a name. Reply: bytes 8 to 12, 0 if nobody has ever used the name."""
    return struct.pack("<BBHHxx", 16, 1, 2 + _words(name), len(name)) + _padded(name)


def get_property(window: int, atom: int) -> bytes:
    """Up to 32 numbers of a window's property. Reply: see `numbers`."""
    return struct.pack("<BBHIIIII", 20, 0, 6, window, atom, 0, 0, 32)


def numbers(reply: bytes) -> tuple[int, ...] | None:
    """The 32-bit numbers of a property; None if the window has no such property."""
    format_bits, count = reply[1], int.from_bytes(reply[16:20], "little")
    if format_bits != 32 or _HEAD_BYTES + 4 * count > len(reply):  # noqa: PLR2004 - the format's own number
        return None
    return struct.unpack_from(f"<{count}I", reply, _HEAD_BYTES)


def find_cookie(authority: Path, number: int) -> bytes:
    """The secret for a display of this computer, from an Xauthority file; empty if it has none."""
    try:
        content = authority.read_bytes()
    except OSError:
        return b""
    found = b""
    at = 0
    while at + 2 <= len(content):
        family = int.from_bytes(content[at : at + 2], "big")
        at += 2
        fields = []
        for _ in range(4):
            length = int.from_bytes(content[at : at + 2], "big")
            fields.append(content[at + 2 : at + 2 + length])
            at += 2 + length
        address, display, name, data = fields
        if name != _COOKIE or display not in {b"", str(number).encode()}:
            continue
        if family == _WILD or (family == _LOCAL and address == socket.gethostname().encode()):
            return data
        found = found or data
    return found


async def _connect(name: DisplayName) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if name.host:
        return await asyncio.open_connection(name.host, _X_TCP_PORT + name.number)
    path = f"/tmp/.X11-unix/X{name.number}"  # noqa: S108 - where X servers listen
    try:
        return await asyncio.open_unix_connection(path)
    except OSError:
        return await asyncio.open_unix_connection(f"\0{path}")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _words(data: bytes) -> int:
    return (len(data) + 3) // 4
