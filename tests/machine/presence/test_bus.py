"""Presence from services on a real message bus of the test's own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from desktop.domain.presence import Presence
from desktop.machine.presence.linux import LinuxPresence
from desktop.machine.presence.sensor import PresenceSensor
from tests.fakes.desktop_bus import (
    SESSION_PATH,
    Host,
    IdleMonitor,
    LogindManager,
    LoginSession,
    NetworkManager,
    ScreenSaver,
    UPower,
    UserManager,
    host_on,
)
from tests.ui.session import base_environment, session_bus

PATIENCE_S = 30.0
OURS = os.getuid()
ROW = ["1", OURS, "owner", "seat0", SESSION_PATH]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with session_bus(base_environment(tmp_path), tmp_path) as environment:
        yield environment["DBUS_SESSION_BUS_ADDRESS"]


@pytest.fixture
async def host(address: str) -> AsyncIterator[Host]:
    async with host_on(address) as made:
        yield made


class Sensors:
    """Makes sensors on that bus and closes them; a second of theirs lasts a twentieth."""

    def __init__(self, address: str, home: Path) -> None:
        self._address = address
        self._home = home
        self._made: list[PresenceSensor] = []

    def make(self, **environ: str) -> PresenceSensor:
        buses = {"DBUS_SYSTEM_BUS_ADDRESS": self._address, "DBUS_SESSION_BUS_ADDRESS": self._address}
        system = LinuxPresence(
            {**buses, "XDG_RUNTIME_DIR": str(self._home), **environ},
            self._home,
            OURS,
            self._home / "power_supply",
            now_s=lambda: 20 * time.monotonic(),
        )
        sensor = PresenceSensor(system.look_around, close=system.close, now_s=system.now_s)
        self._made.append(sensor)
        return sensor

    async def close(self) -> None:
        for sensor in self._made:
            await sensor.close()


@pytest.fixture
async def sensors(address: str, tmp_path: Path) -> AsyncIterator[Sensors]:
    made = Sensors(address, tmp_path)
    yield made
    await made.close()


async def comes_true(sensor: PresenceSensor, condition: Callable[[Presence], bool]) -> Presence:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen = await sensor.read()
            if condition(seen):
                return seen
            await asyncio.sleep(0.02)


def why(sensor: PresenceSensor, signal: str) -> str:
    return {origin.signal: origin.why for origin in sensor.describe()}[signal]


def source(sensor: PresenceSensor, signal: str) -> str:
    return {origin.signal: origin.source for origin in sensor.describe()}[signal]


@pytest.mark.parametrize("name", ["org.gnome.Mutter.IdleMonitor", "org.cinnamon.Muffin.IdleMonitor"])
async def test_the_desktop_tells_the_idle_time(host: Host, sensors: Sensors, name: str) -> None:
    monitor = IdleMonitor(name)
    await host.offer(monitor)
    sensor = sensors.make(WAYLAND_DISPLAY="wayland-0")
    monitor.idle_ms = 61_500

    seen = await sensor.read()

    assert seen.session
    assert seen.idle_s == 61.5
    assert "desktop" in source(sensor, "idle time")
    assert why(sensor, "fullscreen program") == "nothing here could tell"


async def test_a_screen_saver_tells_idle_time_in_milliseconds_and_the_lock(host: Host, sensors: Sensors) -> None:
    saver = ScreenSaver()
    await host.offer(saver)
    saver.idle_ms = 5_000
    sensor = sensors.make(WAYLAND_DISPLAY="wayland-0")

    seen = await sensor.read()
    assert (seen.idle_s, seen.locked) == (5.0, False)

    saver.active = True
    assert (await sensor.read()).locked is True


async def test_gnomes_own_screen_saver_is_asked_first(host: Host, sensors: Sensors) -> None:
    gnome, other = ScreenSaver("org.gnome.ScreenSaver"), ScreenSaver()
    await host.offer(gnome, other)
    gnome.active = True

    assert (await sensors.make(DISPLAY=":99").read()).locked is True


async def test_a_service_that_refuses_is_unknown_and_so_is_one_that_leaves(host: Host, sensors: Sensors) -> None:
    monitor = IdleMonitor()
    await host.offer(monitor)
    sensor = sensors.make(WAYLAND_DISPLAY="wayland-0")
    assert (await sensor.read()).idle_s == 0

    monitor.refuses = True
    assert (await sensor.read()).idle_s is None
    assert "AccessDenied" in why(sensor, "idle time")

    monitor.refuses = False
    await comes_true(sensor, lambda seen: seen.idle_s == 0)
    await host.withdraw(monitor)
    assert (await sensor.read()).idle_s is None
    assert "not running here" in why(sensor, "idle time")


async def test_services_that_hang_cost_a_deadline_once_and_then_rest(host: Host, sensors: Sensors) -> None:
    services = (IdleMonitor(), ScreenSaver(), NetworkManager(), UPower())
    await host.offer(*services)
    sensor = sensors.make(WAYLAND_DISPLAY="wayland-0")
    services[0].idle_ms = 7_000
    assert (await sensor.read()).idle_s == 7

    host.mute = True

    await comes_true(sensor, lambda seen: seen.idle_s is None)
    took_s = []
    for _ in range(10):
        started = time.monotonic()
        assert (await sensor.read()).session
        took_s.append(time.monotonic() - started)
    assert min(took_s) < 0.05
    assert max(took_s) < PATIENCE_S / 2
    assert "does not answer" in why(sensor, "idle time")

    host.mute = False
    await comes_true(sensor, lambda seen: seen.idle_s == 7)


async def test_the_bus_dies_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "again"
    folder.mkdir()
    environment = base_environment(tmp_path)
    address = f"unix:path={folder / 'bus'}"
    sensors = Sensors(address, tmp_path)
    sensor = sensors.make(WAYLAND_DISPLAY="wayland-0")
    try:
        for _ in range(2):
            with session_bus(environment, folder):
                async with host_on(address) as host:
                    await host.offer(IdleMonitor())
                    await comes_true(sensor, lambda seen: seen.idle_s == 0)
            await comes_true(sensor, lambda seen: seen.idle_s is None)
            (folder / "bus").unlink(missing_ok=True)
    finally:
        await sensors.close()


async def test_logind_tells_of_a_session_that_the_environment_does_not_name(host: Host, sensors: Sensors) -> None:
    manager, session, monitor, memory = LogindManager(), LoginSession("wayland"), IdleMonitor(), UserManager()
    await host.offer(manager, session, monitor, memory)
    sensor = sensors.make()
    assert await sensor.read() == Presence(session=False, on_battery=False)
    assert source(sensor, "session") == "nobody can sit at this computer"

    manager.rows = [["9", OURS + 1, "somebody", "seat0", SESSION_PATH], ROW]
    memory.environment = ["LANG=C", "WAYLAND_DISPLAY=wayland-7"]
    monitor.idle_ms = 3_000

    seen = await comes_true(sensor, lambda seen: seen.session)
    assert (seen.idle_s, seen.locked) == (3.0, False)
    session.locked = True
    assert (await sensor.read()).locked is True
    assert source(sensor, "screen lock") == "systemd-logind"

    manager.rows = []
    await comes_true(sensor, lambda seen: not seen.session)


async def test_a_session_of_another_user_is_not_the_owners(host: Host, sensors: Sensors) -> None:
    manager = LogindManager()
    manager.rows = [["9", OURS + 1, "somebody", "seat0", SESSION_PATH]]
    await host.offer(manager, LoginSession())

    assert not (await sensors.make().read()).session


async def test_a_named_screen_that_nobody_is_logged_in_to_counts_while_it_answers(host: Host, sensors: Sensors) -> None:
    await host.offer(LogindManager())
    sensor = sensors.make(DISPLAY=":98")
    assert not (await sensor.read()).session

    await host.offer(IdleMonitor())

    await comes_true(sensor, lambda seen: seen.session and seen.idle_s == 0)


async def test_a_logind_that_hangs_leaves_everything_unknown(host: Host, sensors: Sensors) -> None:
    await host.offer(LogindManager())
    host.mute = True

    sensor = sensors.make()

    assert await sensor.read() == Presence(session=True, on_battery=False)
    assert "does not answer" in why(sensor, "session")


async def test_logind_tells_the_idle_time_where_nothing_better_does(host: Host, sensors: Sensors) -> None:
    manager, session = LogindManager(), LoginSession("wayland")
    manager.rows = [ROW]
    await host.offer(manager, session)
    sensor = sensors.make()
    assert (await sensor.read()).idle_s is None
    assert "not yet told" in why(sensor, "idle time")

    session.idle, session.idle_since_us = True, time.monotonic_ns() // 1000 - 90_000_000
    seen = await comes_true(sensor, lambda seen: seen.idle_s is not None)
    assert seen.idle_s is not None
    assert 90 <= seen.idle_s < 90 + PATIENCE_S

    session.idle = False
    assert (await sensor.read()).idle_s == 0


async def test_networkmanager_tells_of_metered_networks(host: Host, sensors: Sensors) -> None:
    manager = NetworkManager()
    await host.offer(manager)

    for told, metered in ((0, None), (1, True), (2, False), (3, True), (4, False), (77, None)):
        manager.metered = told
        assert (await sensors.make().read()).metered is metered


async def test_upower_tells_where_the_computer_has_no_battery_of_its_own(host: Host, sensors: Sensors) -> None:
    upower = UPower()
    upower.on_battery = True
    await host.offer(upower)

    assert (await sensors.make().read()).on_battery is True


async def test_a_bus_that_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "rude"

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"REJECTED NOTHING\r\n")
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        sensors = Sensors(f"unix:path={path}", tmp_path)
        try:
            seen = await sensors.make(WAYLAND_DISPLAY="wayland-0").read()
            assert seen == Presence(session=True)
        finally:
            await sensors.close()
