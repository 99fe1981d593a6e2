"""A Wayland compositor that tells programs how long nobody touched anything: KDE's, and those on wlroots.

It is asked to say when a seat has been idle for a second and when that is over (ext-idle-notify-v1); what it said
waits in the socket until the next look. GNOME's compositor does not have it and tells on its bus instead.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import asyncio
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from desktop.machine.presence.source import SourceFailed
from desktop.machine.presence.wayland_wire import WaylandConnection

IDLE_MS: Final = 1000
_IDLED: Final = 0
_WATCH, _WATCH_INPUT = 1, 2
_NOTIFIER: Final = "ext_idle_notifier_v1"
_SEAT: Final = "wl_seat"
_INPUT_SINCE: Final = 2  # from this version on it can leave out of account that a film keeps the screen awake


class WaylandIdle:
    """One compositor, connected when first asked and again after it ended."""

    def __init__(self, path: Path, *, now_s: Callable[[], float]) -> None:
        self._path = path
        self._now_s = now_s
        self._seats: _Seats | None = None
        self._one = asyncio.Lock()

    async def idle_s(self) -> float:
        """Seconds since the last key or pointer event, of the seat that was touched last. 0 until a second is over.

        Raises SourceFailed or OSError.
        """
        async with self._one:
            try:
                if self._seats is None:
                    self._seats = await _Seats.open(self._path)
                return self._seats.idle_s(self._now_s())
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._seats is not None:
            self._seats.close()
            self._seats = None


class _Seats:
    """The seats of a connected compositor, and since when each is idle."""

    def __init__(self, connection: WaylandConnection, watches: dict[int, float | None]) -> None:
        self._connection = connection
        self._idle_since_s = watches

    @classmethod
    async def open(cls, path: Path) -> _Seats:
        connection = await WaylandConnection.open(path)
        try:
            return cls(connection, await _watch(connection))
        except BaseException:
            connection.close()
            raise

    def idle_s(self, now_s: float) -> float:
        for sender, opcode, _ in self._connection.heard():
            if sender in self._idle_since_s:
                idled = opcode == _IDLED
                # Said some time since the last look: taken for now, which makes it too short rather than too long.
                self._idle_since_s[sender] = now_s - IDLE_MS / 1000 if idled else None
        since = list(self._idle_since_s.values())
        return min(0.0 if each is None else max(now_s - each, 0.0) for each in since)

    def close(self) -> None:
        self._connection.close()


async def _watch(connection: WaylandConnection) -> dict[int, float | None]:
    """Ask to be told of every seat; the objects that will tell, none of them idle yet."""
    found = await connection.globals()
    seats = [number for number, (interface, _) in found.items() if interface == _SEAT]
    notifier = next(
        ((number, version) for number, (interface, version) in found.items() if interface == _NOTIFIER), None
    )
    if notifier is None or not seats:
        raise SourceFailed("this compositor does not tell programs")
    version = min(notifier[1], _INPUT_SINCE)
    asker = connection.bind(notifier[0], _NOTIFIER, version)
    watches: dict[int, float | None] = {}
    for each in seats:
        seat, watch = connection.bind(each, _SEAT, 1), connection.new_id()
        request = _WATCH_INPUT if version >= _INPUT_SINCE else _WATCH
        connection.say(asker, request, struct.pack("=III", watch, IDLE_MS, seat))
        watches[watch] = None
    await connection.flush()
    return watches
