"""The Wayland protocol, as much of it as hearing of idle time takes, without a library and without blocking.

Source: the protocol's own description. Numbers are in the computer's own byte order; little-endian is assumed.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from desktop.machine.presence.source import SourceFailed

DISPLAY: Final = 1
REGISTRY: Final = 2
_SYNC: Final = 3
_MOST_BYTES: Final = 1 << 20
_HEAD: Final = struct.Struct("=IHH")
_BIND: Final = 0
_GET_REGISTRY: Final = 1


class WaylandConnection:
    """One connection. After any exception it is useless."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._unsent = bytearray()
        self._received = bytearray()
        self._last_id = _SYNC

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Connect. Raises OSError."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        channel.setblocking(False)  # noqa: FBT003 - that is how the standard library has it
        try:
            await asyncio.get_running_loop().sock_connect(channel, str(path))
        except BaseException:
            channel.close()
            raise
        return cls(channel)

    async def globals(self) -> dict[int, tuple[str, int]]:
        """What the compositor offers, by number: interface and version. To be asked once, and first."""
        self.say(DISPLAY, _GET_REGISTRY, struct.pack("=I", REGISTRY))
        self.say(DISPLAY, 0, struct.pack("=I", _SYNC))
        await self.flush()
        found: dict[int, tuple[str, int]] = {}
        while True:
            self._take(await asyncio.get_running_loop().sock_recv(self._channel, 1 << 16))
            for sender, opcode, body in self.heard():
                if sender == REGISTRY and opcode == 0:
                    number, interface, version = _global(body)
                    found[number] = interface, version
                elif sender == _SYNC:
                    return found

    def new_id(self) -> int:
        """A number for an object that a request makes."""
        self._last_id += 1
        return self._last_id

    def bind(self, number: int, interface: str, version: int) -> int:
        """Ask for one of the globals; its number as an object."""
        made, name = self.new_id(), interface.encode() + b"\0"
        padded = name.ljust(-(-len(name) // 4) * 4, b"\0")
        self.say(REGISTRY, _BIND, struct.pack("=II", number, len(name)) + padded + struct.pack("=II", version, made))
        return made

    def say(self, receiver: int, opcode: int, body: bytes) -> None:
        """A request, sent with the next `flush`."""
        self._unsent += _HEAD.pack(receiver, opcode, _HEAD.size + len(body)) + body

    async def flush(self) -> None:
        """Send what was said."""
        await asyncio.get_running_loop().sock_sendall(self._channel, self._unsent)
        self._unsent.clear()

    def heard(self) -> Iterator[tuple[int, int, bytes]]:
        """What was said since: sender, number of the event, its content. Raises SourceFailed or OSError."""
        try:
            while True:
                self._take(self._channel.recv(1 << 16))
        except BlockingIOError:
            pass
        while len(self._received) >= _HEAD.size:
            sender, opcode, size = _HEAD.unpack_from(self._received)
            if size < _HEAD.size or len(self._received) > _MOST_BYTES:
                raise SourceFailed("it talks nonsense")
            if len(self._received) < size:
                return
            body = bytes(self._received[_HEAD.size : size])
            del self._received[:size]
            if sender == DISPLAY and opcode == 0:
                raise SourceFailed("it refuses")
            yield sender, opcode, body

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _take(self, data: bytes) -> None:
        if not data:
            raise SourceFailed("it hung up")
        self._received += data


def _global(body: bytes) -> tuple[int, str, int]:
    """A number, an interface and a version, as the registry writes them."""
    try:
        number, length = struct.unpack_from("=II", body)
        (version,) = struct.unpack_from("=I", body, 8 + -(-length // 4) * 4)
    except struct.error:
        raise SourceFailed("it talks nonsense") from None
    return number, body[8 : 8 + length].rstrip(b"\0").decode("ascii", "replace"), version
