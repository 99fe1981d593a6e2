"""The real tray icon of the real app, on a panel that speaks StatusNotifier."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.messages import Watch
from desktop.domain.node_state import NodeState
from desktop.ui.preferences import PreferencesFile
from tests.fakes.notifier_host import Panel, panel
from tests.fakes.patience import until
from tests.ui.screenshots import stand
from tests.ui.session import WITHIN_S, base_environment, hand, running, screen, session_bus


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with screen(base_environment(tmp_path)) as shown, session_bus(shown, tmp_path) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A Hearth with an open door, whose first run is over."""
    folder = tmp_path / "h"
    with stand("empty", folder) as door:
        preferences = PreferencesFile(folder / "config" / "window.json")
        preferences.values.welcomed = True
        preferences.save()
        yield folder
        assert door.stdin is not None
        door.stdin.close()


@contextmanager
def app(home: Path, environment: dict[str, str], *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "desktop", "--attach", *flags, "--home", str(home)]
    with running(command, environment) as process:
        yield process


@pytest.fixture
async def client(home: Path) -> AsyncIterator[DoorClient]:
    async with DoorClient(door_in(home / "run")) as made:
        await made.ask(lambda number: Watch(id=number))
        yield made


async def first_line(seen: Panel, text: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (line := (await seen.menu())[0].label) != text:
            await asyncio.sleep(0.05)
            assert line


async def test_the_icon_tells_pauses_and_resumes(home: Path, environment: dict[str, str], client: DoorClient) -> None:
    async with panel(environment["DBUS_SESSION_BUS_ADDRESS"]) as seen:
        with app(home, environment):
            await until(lambda: seen.items == 1, WITHIN_S)
            await first_line(seen, "Ready · 0 sat today")
            assert "waiting for requests" in await seen.tooltip()
            shown = [entry for entry in await seen.menu() if entry.visible]
            assert not shown[0].enabled
            assert {"Open Hearth", "Pause", "For 1 hour", "Settings", "Quit Hearth"} <= {each.label for each in shown}
            assert "Resume" not in {each.label for each in shown}
            ready = await seen.icon()
            await seen.choose("Until I resume")
            await client.wait_until(lambda now: now.status.state is NodeState.PAUSED)
            await first_line(seen, "Paused · 0 sat today")
            assert await seen.icon() != ready
            assert "Resume" in {entry.label for entry in await seen.menu() if entry.visible}
            await seen.choose("Resume")
            await client.wait_until(lambda now: now.status.state is NodeState.READY)
            await first_line(seen, "Ready · 0 sat today")
            assert await seen.icon() == ready


async def test_the_icon_appears_when_a_panel_does(home: Path, environment: dict[str, str]) -> None:
    with app(home, environment) as window:
        # It found no panel, and shows its window instead.
        await until(lambda: bool(hand(environment, "search", "--onlyvisible", "--name", "^Hearth$")), WITHIN_S)
        assert window.poll() is None
        async with panel(environment["DBUS_SESSION_BUS_ADDRESS"]) as seen:
            await until(lambda: seen.items == 1, WITHIN_S)
            await first_line(seen, "Ready · 0 sat today")


async def test_without_a_message_bus_the_window_is_there_and_can_pause(
    home: Path, tmp_path: Path, client: DoorClient
) -> None:
    with screen(base_environment(tmp_path)) as shown:
        alone = {**shown, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path / 'no-bus'}"}
        command = [sys.executable, "-m", "desktop", "--attach", "--home", str(home)]
        with running(command, alone) as window:
            await until(lambda: bool(hand(alone, "search", "--onlyvisible", "--name", "^Hearth$")), WITHIN_S)
            found = hand(alone, "search", "--onlyvisible", "--name", "^Hearth$").split()[0]
            hand(alone, "windowfocus", "--sync", found)
            await until(lambda: hand(alone, "getwindowfocus") == found, WITHIN_S)
            hand(alone, "key", "--clearmodifiers", "ctrl+p", "Down", "Return")
            await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.PAUSED), WITHIN_S)
            assert window.poll() is None


async def test_a_killed_window_stops_no_work_and_a_second_one_finds_it(
    home: Path, environment: dict[str, str], client: DoorClient
) -> None:
    async with panel(environment["DBUS_SESSION_BUS_ADDRESS"]) as seen:
        with app(home, environment, "--hidden") as window:
            await until(lambda: seen.items == 1, WITHIN_S)
            window.kill()
            window.wait()
        assert client.snapshot is not None
        assert client.snapshot.status.state is NodeState.READY
        with app(home, environment):
            await until(lambda: seen.items == 2, WITHIN_S)
            await first_line(seen, "Ready · 0 sat today")


async def test_a_second_start_only_raises_the_first(home: Path, environment: dict[str, str]) -> None:
    async with panel(environment["DBUS_SESSION_BUS_ADDRESS"]) as seen:
        with app(home, environment, "--hidden") as first:
            await until(lambda: seen.items == 1, WITHIN_S)
            with app(home, environment, "--hidden") as second:
                await until(lambda: second.poll() is not None, WITHIN_S)
                assert second.returncode == 0
            assert first.poll() is None
