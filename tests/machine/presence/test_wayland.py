"""Idle time from a compositor: one that speaks the protocol as it is written, and says what a test wants."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.machine.presence.linux import LinuxPresence
from desktop.machine.presence.sensor import PresenceSensor
from desktop.machine.presence.source import SourceFailed
from desktop.machine.presence.wayland import IDLE_MS, WaylandIdle
from tests.fakes.patience import until

HEAD = struct.Struct("=IHH")
IDLED, RESUMED = 0, 1


def event(sender: int, opcode: int, body: bytes = b"") -> bytes:
    return HEAD.pack(sender, opcode, HEAD.size + len(body)) + body


def text(word: str) -> bytes:
    raw = word.encode() + b"\0"
    return struct.pack("=I", len(raw)) + raw.ljust(-(-len(raw) // 4) * 4, b"\0")


@dataclass
class Compositor:
    """`offers` are its globals by number. `watches` are the objects that were asked for, with their requests."""

    offers: dict[int, tuple[str, int]] = field(
        default_factory=lambda: {1: ("wl_compositor", 4), 2: ("wl_seat", 9), 7: ("ext_idle_notifier_v1", 2)}
    )
    watches: list[tuple[int, int, int]] = field(default_factory=list)
    bound: dict[int, tuple[str, int]] = field(default_factory=dict)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                receiver, opcode, size = HEAD.unpack(await reader.readexactly(HEAD.size))
                self._hear(receiver, opcode, await reader.readexactly(size - HEAD.size), writer)

    def _hear(self, receiver: int, opcode: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        numbers = struct.unpack(f"={len(body) // 4}I", body)
        if (receiver, opcode) == (1, 1):
            for number, (interface, version) in self.offers.items():
                told = struct.pack("=I", number) + text(interface) + struct.pack("=I", version)
                writer.write(event(numbers[0], 0, told))
        elif (receiver, opcode) == (1, 0):
            writer.write(event(numbers[0], 0, bytes(4)) + event(1, 1, struct.pack("=I", numbers[0])))
        elif receiver == 2:
            self.bound[numbers[-1]] = self.offers[numbers[0]][0], numbers[-2]
        else:
            assert self.bound[receiver][0] == "ext_idle_notifier_v1"
            watch, timeout_ms, seat = numbers
            assert (self.bound[seat][0], timeout_ms) == ("wl_seat", IDLE_MS)
            self.watches.append((watch, opcode, seat))

    def say(self, watch: int, opcode: int) -> None:
        self.writers[-1].write(event(watch, opcode))


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, path: Path) -> AsyncIterator[None]:
    """A server whose conversations are over when it is left."""
    talking: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.append((asyncio.current_task(), writer))
        await serve(reader, writer)

    server = await asyncio.start_unix_server(talk, path)
    try:
        yield
    finally:
        server.close()
        for _, writer in talking:
            writer.close()  # whoever reads from it comes to the end
        await asyncio.gather(*(task for task, _ in talking if task is not None))
        forget(path)


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)


@asynccontextmanager
async def asking(path: Path, clock: Callable[[], float]) -> AsyncIterator[WaylandIdle]:
    idle = WaylandIdle(path, now_s=clock)
    try:
        yield idle
    finally:
        idle.close()


@dataclass
class Clock:
    s: float = 1000.0

    def __call__(self) -> float:
        return self.s


async def tells(idle: WaylandIdle, condition: Callable[[float], bool]) -> float:
    """What it tells once that holds: nobody is told when the compositor has spoken."""
    async with asyncio.timeout(20):
        while True:
            told = await idle.idle_s()
            if condition(told):
                return told
            await asyncio.sleep(0.005)


async def test_it_counts_from_the_moment_it_is_told_and_a_key_ends_it(tmp_path: Path) -> None:
    path, clock, compositor = tmp_path / "wayland-0", Clock(), Compositor()
    async with listening(compositor.serve, path), asking(path, clock) as idle:
        assert await idle.idle_s() == 0.0
        clock.s += 60
        assert await idle.idle_s() == 0.0  # nothing was told: the owner counts as there
        await until(lambda: bool(compositor.watches))
        ((watch, request, _),) = compositor.watches
        assert request == 2  # which leaves out of account that a film keeps the screen awake

        compositor.say(watch, IDLED)
        assert await tells(idle, lambda told: told > 0) == 1.0
        clock.s += 299
        assert await idle.idle_s() == 300.0
        compositor.say(watch, RESUMED)
        assert await tells(idle, lambda told: told == 0) == 0.0
    idle.close()


async def test_an_older_compositor_is_asked_the_older_way(tmp_path: Path) -> None:
    compositor = Compositor({4: ("ext_idle_notifier_v1", 1), 5: ("wl_seat", 7)})
    path = tmp_path / "wayland-0"
    async with listening(compositor.serve, path), asking(path, Clock()) as idle:
        await idle.idle_s()
        await until(lambda: bool(compositor.watches))
        assert [request for _, request, _ in compositor.watches] == [1]
    idle.close()


async def test_of_several_seats_the_one_that_was_touched_last_counts(tmp_path: Path) -> None:
    path, clock = tmp_path / "wayland-0", Clock()
    compositor = Compositor({1: ("wl_seat", 7), 2: ("wl_seat", 7), 3: ("ext_idle_notifier_v1", 2)})
    async with listening(compositor.serve, path), asking(path, clock) as idle:
        await idle.idle_s()
        await until(lambda: len(compositor.watches) == 2)
        (first, _, _), (second, _, _) = compositor.watches
        compositor.say(first, IDLED)
        for _ in range(5):
            assert await idle.idle_s() == 0.0
            await asyncio.sleep(0.01)
        clock.s += 30
        compositor.say(second, IDLED)
        assert await tells(idle, lambda told: told > 0) == 1.0
    idle.close()


@pytest.mark.parametrize("offers", [{}, {1: ("wl_seat", 7)}, {1: ("ext_idle_notifier_v1", 1)}])
async def test_one_that_does_not_have_it_says_so(tmp_path: Path, offers: dict[int, tuple[str, int]]) -> None:
    path = tmp_path / "wayland-0"
    async with asking(path, Clock()) as idle:
        async with listening(Compositor(offers).serve, path):
            with pytest.raises(SourceFailed, match="does not tell"):
                await idle.idle_s()
        with pytest.raises(FileNotFoundError):
            await idle.idle_s()


async def test_one_that_ends_is_connected_anew(tmp_path: Path) -> None:
    path = tmp_path / "wayland-0"
    async with asking(path, Clock()) as idle:
        async with listening(Compositor().serve, path):
            assert await idle.idle_s() == 0.0
        with pytest.raises((SourceFailed, ConnectionError)):
            await idle.idle_s()
        async with listening(Compositor().serve, path):
            assert await idle.idle_s() == 0.0


@pytest.mark.parametrize(
    "said",
    [
        b"\0" * 64,
        HEAD.pack(1, 0, 4),
        event(1, 0, struct.pack("=II", 1, 2) + text("no")),
        event(2, 0, b"\1\0\0\0"),
        event(2, 0, struct.pack("=II", 1, 0xFFFFFFFF)),
    ],
)
async def test_nonsense_and_refusals_are_told_in_words(tmp_path: Path, said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()

    path = tmp_path / "wayland-0"
    async with listening(serve, path), asking(path, Clock()) as idle:
        with pytest.raises(SourceFailed):
            await idle.idle_s()


async def test_the_sensor_asks_the_compositor_of_its_session(tmp_path: Path) -> None:
    compositor = Compositor()
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "wayland-0"}
    nobody = dict.fromkeys(("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"), f"unix:path={tmp_path}/nobody")
    system = LinuxPresence({**environ, **nobody}, tmp_path, 1000, tmp_path / "power_supply")
    sensor = PresenceSensor(system.look_around, close=system.close, now_s=system.now_s)
    async with listening(compositor.serve, tmp_path / "wayland-0"):
        try:
            seen = await sensor.read()
            told = [origin for origin in sensor.describe() if origin.signal == "idle time"]
        finally:
            await sensor.close()
    assert (seen.session, seen.idle_s) == (True, 0.0), told
    assert [origin.source for origin in told] == ["the Wayland compositor"]
