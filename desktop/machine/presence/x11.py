"""An X display: how long nobody touched anything, and whether a program fills the screen.

Idle time comes from the screen saver extension (MIT-SCREEN-SAVER), or where that is missing from the IDLETIME counter
of SYNC. Fullscreen comes from what the window manager says of the active window (EWMH). Behind Wayland, where X is
only a guest (Xwayland), the idle time is that of X programs alone and is not told; a fullscreen X program is.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.machine.presence import x_wire
from desktop.machine.presence.source import SourceFailed
from desktop.machine.presence.x_wire import XConnection, XError

# Idle time and fullscreen are asked for together, and one look answers both.
FRESH_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a display told; None is unknown, with the reason in `why_…`."""

    idle_ms: int | None
    fullscreen: bool | None
    why_no_idle: str = ""
    why_no_fullscreen: str = ""


@dataclass(frozen=True, slots=True)
class _Server:
    """What was learnt of the server when we connected."""

    connection: XConnection
    is_guest: bool
    ask_idle: bytes
    idle_of: Callable[[bytes], int]


class XDisplay:
    """One display, connected when first asked and again after its server died."""

    def __init__(self, display: str, authority: Path | None, *, now_s: Callable[[], float]) -> None:
        self._display = display
        self._authority = authority
        self._now_s = now_s
        self._server: _Server | None = None
        self._atoms: dict[bytes, int] = {}
        self._look: Look | None = None
        self._looked_at_s = float("-inf")
        self._one = asyncio.Lock()

    async def idle_s(self) -> float:
        """Seconds since the last key or pointer event. Raises SourceFailed or OSError."""
        look = await self._fresh()
        if look.idle_ms is None:
            raise SourceFailed(look.why_no_idle)
        return look.idle_ms / 1000

    async def fullscreen(self) -> bool:
        """Whether the active window fills its screen. Raises SourceFailed or OSError."""
        look = await self._fresh()
        if look.fullscreen is None:
            raise SourceFailed(look.why_no_fullscreen)
        return look.fullscreen

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._server is not None:
            self._server.connection.close()
            self._server = None

    async def _fresh(self) -> Look:
        async with self._one:
            if self._look is None or self._now_s() - self._looked_at_s > FRESH_S:
                try:
                    self._look = await self._ask()
                except BaseException:
                    # Half an answer may be on its way, or the server is gone: only a new connection is in step.
                    self.close()
                    self._look = None
                    raise
                self._looked_at_s = self._now_s()
            return self._look

    async def _ask(self) -> Look:
        server = self._server
        if server is None:
            server = self._server = await self._connect()
        connection = server.connection
        asked = [server.ask_idle] if server.ask_idle else []
        active_atom = await self._atom(connection, b"_NET_ACTIVE_WINDOW")
        if active_atom:
            asked.append(x_wire.get_property(connection.root, active_atom))
        replies = await connection.request(*asked)
        idle_ms = None
        if server.ask_idle and isinstance(reply := replies.pop(0), bytes):
            idle_ms = server.idle_of(reply)
        why_no_idle = "this X server cannot tell" if idle_ms is None else ""
        if server.is_guest:
            idle_ms, why_no_idle = None, "behind Wayland it sees X programs only"
        active = x_wire.numbers(replies[0]) if replies and isinstance(replies[0], bytes) else None
        fullscreen = await self._fullscreen(connection, active)
        if server.is_guest and not fullscreen:
            return Look(idle_ms, None, why_no_idle, "behind Wayland it sees X programs only")
        why = "no window manager tells" if fullscreen is None else ""
        return Look(idle_ms, fullscreen, why_no_idle, why)

    async def _fullscreen(self, connection: XConnection, active: tuple[int, ...] | None) -> bool | None:
        if active is None:
            # Without a window manager that follows the standard nobody knows which window is the active one.
            check = await self._atom(connection, b"_NET_SUPPORTING_WM_CHECK")
            (reply,) = await connection.request(x_wire.get_property(connection.root, check)) if check else (None,)
            managed = isinstance(reply, bytes) and x_wire.numbers(reply) is not None
            return False if managed else None
        full = await self._atom(connection, b"_NET_WM_STATE_FULLSCREEN")
        state = await self._atom(connection, b"_NET_WM_STATE")
        if not (active and active[0] and full and state):
            return False
        (reply,) = await connection.request(x_wire.get_property(active[0], state))
        # An error: the window closed between the two questions.
        return isinstance(reply, bytes) and full in (x_wire.numbers(reply) or ())

    async def _atom(self, connection: XConnection, name: bytes) -> int:
        """0 until somebody has used the name; so it is asked again until then."""
        if not self._atoms.get(name):
            (reply,) = await connection.request(x_wire.intern_atom(name))
            self._atoms[name] = 0 if isinstance(reply, XError) else int.from_bytes(reply[8:12], "little")
        return self._atoms[name]

    async def _connect(self) -> _Server:
        self._atoms.clear()
        connection = await XConnection.open(self._display, self._authority)
        try:
            guest, saver, sync = [
                int(reply[9]) if isinstance(reply, bytes) and reply[8] else 0
                for reply in await connection.request(
                    x_wire.query_extension(b"XWAYLAND"),
                    x_wire.query_extension(b"MIT-SCREEN-SAVER"),
                    x_wire.query_extension(b"SYNC"),
                )
            ]
            if saver:
                ask = struct.pack("<BBHI", saver, 1, 2, connection.root)
                return _Server(connection, bool(guest), ask, lambda reply: int.from_bytes(reply[16:20], "little"))
            counter = await _idle_counter(connection, sync) if sync else 0
            ask = struct.pack("<BBHI", sync, 5, 2, counter) if counter else b""
            return _Server(connection, bool(guest), ask, _counter_value)
        except BaseException:
            connection.close()
            raise


async def _idle_counter(connection: XConnection, sync: int) -> int:
    """The number of SYNC's IDLETIME counter, in milliseconds; 0 if there is none."""
    hello = struct.pack("<BBHBBxx", sync, 0, 2, 3, 1)
    _, listed = await connection.request(hello, struct.pack("<BBH", sync, 1, 1))
    if isinstance(listed, XError):
        return 0
    at = 32
    for _ in range(int.from_bytes(listed[8:12], "little")):
        counter, name_bytes = struct.unpack_from("<I8xH", listed, at)
        if listed[at + 14 : at + 14 + name_bytes] == b"IDLETIME":
            return int(counter)
        at += 14 + name_bytes + -(14 + name_bytes) % 4
    return 0


def _counter_value(reply: bytes) -> int:
    high, low = struct.unpack_from("<iI", reply, 8)
    return int(high << 32 | low)
