from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.presence import Presence
from desktop.machine.presence.linux import LinuxPresence
from desktop.machine.presence.sensor import PresenceSensor
from desktop.machine.presence.source import SourceFailed
from desktop.machine.presence.x_wire import DisplayName, find_cookie
from tests.ui.session import base_environment, hand, running

PATIENCE_S = 30.0
FULLSCREEN_CLIENT = """
import sys
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication([])
window = QWidget()
window.setWindowTitle("a game")
(window.showFullScreen if sys.argv[1] == "full" else window.show)()
app.exec()
"""


class Screen:
    """An X server that can be killed, stopped, and started again under the same number."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self.number = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        path = shutil.which("Xvfb")
        assert path is not None, "Xvfb is missing; `make setup` brings it"
        reading, writing = os.pipe()
        command = [path, *([f":{self.number}"] if self.number else []), "-displayfd", str(writing)]
        self._process = subprocess.Popen(
            [*command, "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset", *self._options],
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as told:
            self.number = told.readline().strip()
        assert self.number, "Xvfb did not start"

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def display(self) -> str:
        return f":{self.number}"


@contextmanager
def screen_with(*options: str) -> Iterator[Screen]:
    made = Screen(*options)
    made.start()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    with screen_with() as made:
        yield made


@pytest.fixture
def environment(screen: Screen, tmp_path: Path) -> dict[str, str]:
    return {**base_environment(tmp_path), "DISPLAY": screen.display}


def sensor_in(environ: dict[str, str], home: Path) -> PresenceSensor:
    """No bus, no batteries; rests are ten times as short."""
    nowhere = {
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={home / 'no-bus'}",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home / 'no-bus'}",
        "XDG_RUNTIME_DIR": str(home),
    }
    system = LinuxPresence(
        {**nowhere, **environ}, home, os.getuid(), home / "no-supplies", now_s=lambda: 10 * time.monotonic()
    )
    return PresenceSensor(system.look_around, close=system.close, now_s=system.now_s)


@pytest.fixture
async def sensor(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[PresenceSensor]:
    made = sensor_in(environment, tmp_path)
    yield made
    await made.close()


async def wait_for(sensor: PresenceSensor, wanted: str) -> Presence:
    """Read until `wanted` holds of the presence `p`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            p = await sensor.read()
            if {
                "idle known": p.idle_s is not None,
                "idle unknown": p.idle_s is None,
                "fullscreen": p.fullscreen is True,
                "not fullscreen": p.fullscreen is False,
                "managed": p.fullscreen is not None,
                "idle": p.idle_s is not None and p.idle_s > 0.5,
                "touched": p.idle_s is not None and p.idle_s < 0.5,
            }[wanted]:
                return p
            await asyncio.sleep(0.02)


async def test_idle_time_grows_and_a_key_resets_it(sensor: PresenceSensor, environment: dict[str, str]) -> None:
    before = await wait_for(sensor, "idle")
    assert before.session

    hand(environment, "key", "a")

    await wait_for(sensor, "touched")
    await wait_for(sensor, "idle")
    hand(environment, "mousemove_relative", "5", "5")
    await wait_for(sensor, "touched")


async def test_without_a_window_manager_fullscreen_is_unknown(sensor: PresenceSensor) -> None:
    seen = await wait_for(sensor, "idle known")

    assert seen.fullscreen is None
    told = {origin.signal: origin for origin in sensor.describe()}
    assert told["fullscreen program"].why.endswith("no window manager tells")
    assert told["idle time"].source.startswith("the X display :")


@pytest.mark.slow
async def test_a_fullscreen_window_is_seen_while_it_is_the_active_one(
    sensor: PresenceSensor, environment: dict[str, str]
) -> None:
    with running(["openbox"], environment):
        await wait_for(sensor, "not fullscreen")
        with running([sys.executable, "-c", FULLSCREEN_CLIENT, "full"], environment):
            await wait_for(sensor, "fullscreen")
            with running([sys.executable, "-c", FULLSCREEN_CLIENT, "small"], environment):
                await wait_for(sensor, "not fullscreen")
            await wait_for(sensor, "fullscreen")
        await wait_for(sensor, "not fullscreen")


async def test_a_display_that_dies_is_unknown_until_it_is_back(tmp_path: Path) -> None:
    with screen_with() as mortal:
        sensor = sensor_in({"DISPLAY": mortal.display}, tmp_path)
        try:
            await wait_for(sensor, "idle known")
            mortal.end()
            assert await wait_for(sensor, "idle unknown") == Presence(session=True, on_battery=False)

            mortal.start()

            await wait_for(sensor, "idle known")
        finally:
            await sensor.close()


async def test_a_display_that_hangs_is_given_up_for_a_while(tmp_path: Path) -> None:
    with screen_with() as stopped:
        sensor = sensor_in({"DISPLAY": stopped.display}, tmp_path)
        try:
            await wait_for(sensor, "idle known")
            stopped.send(signal.SIGSTOP)
            await wait_for(sensor, "idle unknown")
            took_s = []
            for _ in range(4):
                started = time.monotonic()
                assert (await sensor.read()).idle_s is None
                took_s.append(time.monotonic() - started)
            assert min(took_s) < 0.2  # it rests
            assert "does not answer" in {o.signal: o.why for o in sensor.describe()}["idle time"]

            stopped.send(signal.SIGCONT)

            await wait_for(sensor, "idle known")
        finally:
            await sensor.close()


async def test_a_display_that_wants_a_secret_gets_it(tmp_path: Path) -> None:
    authority = tmp_path / "authority"
    secret = bytes(range(16))
    name = b"MIT-MAGIC-COOKIE-1"
    wild = b"".join(struct.pack(">H", len(part)) + part for part in (b"", b"", name, secret))
    authority.write_bytes(struct.pack(">H", 65535) + wild)
    with screen_with("-auth", str(authority)) as closed:
        let_in = sensor_in({"DISPLAY": closed.display, "XAUTHORITY": str(authority)}, tmp_path)
        kept_out = sensor_in({"DISPLAY": closed.display}, tmp_path)
        try:
            await wait_for(let_in, "idle known")
            assert (await kept_out.read()).idle_s is None
            assert "let us in" in {o.signal: o.why for o in kept_out.describe()}["idle time"]
        finally:
            await let_in.close()
            await kept_out.close()


async def test_without_the_screen_saver_extension_the_idle_counter_tells(tmp_path: Path) -> None:
    with screen_with("-extension", "MIT-SCREEN-SAVER") as bare:
        sensor = sensor_in({"DISPLAY": bare.display}, tmp_path)
        try:
            await wait_for(sensor, "idle")
            hand({**base_environment(tmp_path), "DISPLAY": bare.display}, "key", "a")
            await wait_for(sensor, "touched")
        finally:
            await sensor.close()


@pytest.mark.parametrize("answer", [b"", b"\0" * 8, b"\1" * 8, b"\xff" * 4096])
async def test_a_server_that_talks_nonsense_is_unknown(answer: bytes, tmp_path: Path) -> None:
    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET) as server:
        port = server.sockets[0].getsockname()[1]
        sensor = sensor_in({"DISPLAY": f"127.0.0.1:{port - 6000}"}, tmp_path)
        try:
            assert await sensor.read() == Presence(session=True, on_battery=False)
        finally:
            await sensor.close()


async def test_with_no_screen_at_all_nobody_sits_here(tmp_path: Path) -> None:
    sensor = sensor_in({}, tmp_path)
    try:
        assert await sensor.read() == Presence(session=False, on_battery=False)
    finally:
        await sensor.close()


@given(st.binary(max_size=400))
def test_no_authority_file_is_too_strange(content: bytes) -> None:
    class Content:
        def read_bytes(self) -> bytes:
            return content

    assert isinstance(find_cookie(Content(), 0), bytes)  # type: ignore[arg-type] # all that is used of the path


@given(st.text(max_size=12))
def test_what_names_no_display_is_refused(name: str) -> None:
    try:
        assert DisplayName.parse(name).number >= 0
    except SourceFailed as error:
        assert "names no display" in str(error)  # noqa: PT017 - both ways are right
