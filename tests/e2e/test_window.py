"""The app itself, from its first start to its end: real window, real tray, real node, real money; by mouse and keys."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.messages import Watch
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import Unavailable
from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState
from desktop.ui.preferences import PreferencesFile
from tests.e2e.stand import Stand, lend_models, question, standing
from tests.fakes.patience import until
from tests.ui.session import base_environment, hand, running, screen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

START_S = 60.0


class Owner:
    """A person before a screen."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self._environment = environment
        self.home = home

    def do(self, *words: str) -> str:
        return hand(self._environment, *words)

    async def sees(self, title: str) -> None:
        await until(lambda: bool(self.do("search", "--onlyvisible", "--name", title)), START_S)

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.do("key", "--clearmodifiers", key)
            await asyncio.sleep(0.3)

    async def click_tray(self, button: str) -> None:
        await until(lambda: bool(self.do("search", "--onlyvisible", "--class", "trayer")), START_S)
        window = self.do("search", "--onlyvisible", "--class", "trayer").splitlines()[0]
        geometry = dict(
            line.split("=", 1) for line in self.do("getwindowgeometry", "--shell", window).splitlines() if "=" in line
        )
        x = int(geometry["X"]) + int(geometry["WIDTH"]) // 2
        y = int(geometry["Y"]) + int(geometry["HEIGHT"]) // 2
        self.do("mousemove", str(x), str(y))
        self.do("click", button)
        await asyncio.sleep(0.6)

    def node(self) -> psutil.Process:
        """The node the app started."""
        return next(
            process
            for process in psutil.process_iter(["cmdline"])
            if "node" in (process.info["cmdline"] or []) and str(self.home) in (process.info["cmdline"] or [])
        )


@asynccontextmanager
async def watching(home: Path) -> AsyncIterator[DoorClient]:
    """A third client of the door, beside window and tray."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                client = DoorClient(door_in(home / "run"))
                await client.__aenter__()
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    try:
        await client.ask(lambda number: Watch(id=number))
        yield client
    finally:
        await client.__aexit__(None, None, None)


def is_ready(now: Snapshot) -> bool:
    return now.status.state in {NodeState.READY, NodeState.EARNING}


async def joins(owner: Owner, client: DoorClient) -> None:
    """Through the first run by keys: welcome, computer, benchmark, phrase (skipped), join."""
    await owner.sees("Welcome to Hearth")
    await asyncio.wait_for(client.wait_until(lambda now: bool(now.devices and now.devices[0].sandbox)), START_S)
    await owner.press("Return", "Return", "Return")
    await owner.press("shift+Tab", "space")
    await owner.press("Return")
    joined = await asyncio.wait_for(client.wait_until(is_ready), START_S)
    assert all(relay.enrolled for relay in joined.relays) or await client.wait_until(
        lambda now: all(relay.enrolled for relay in now.relays)
    )
    await asyncio.sleep(0.5)
    await owner.press("Return")
    await until(lambda: PreferencesFile(owner.home / "config" / "window.json").values.welcomed, START_S)


async def earns(stand: Stand, client: DoorClient) -> None:
    """A stranger pays for an answer; the door tells of it within a second of the receipt."""
    async with stand.stage.buyer.ask(question("Why is the sky blue?")) as answer:
        said = [piece async for piece in answer]
    receipt_at = time.monotonic()
    assert "".join(said).strip()
    paid = await asyncio.wait_for(
        client.wait_until(lambda now: any(job.state is JobState.COMPLETED for job in now.recent)), 5
    )
    assert time.monotonic() - receipt_at < 1
    assert paid.today is not None
    assert paid.today.earned_msat > 0


async def test_from_the_first_start_to_the_end(tmp_path: Path) -> None:
    async with standing(tmp_path / "n") as stand:
        home = tmp_path / "n" / "o"
        lend_models(home)
        stand.stage.home("o")
        environment = base_environment(tmp_path)
        command = [sys.executable, "-m", "desktop", "--home", str(home)]
        with (
            screen(environment) as shown,
            running(["openbox"], shown),
            running(["trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request"], shown),
            running(command, shown) as window,
        ):
            owner = Owner(shown, home)
            async with watching(home) as client:
                await joins(owner, client)
                await stand.stage.node.stop()
                await earns(stand, client)
                await pauses_from_the_tray(owner, client)
                await resumes_from_the_tray(owner, client)
                node = owner.node()
            await comes_back_after_a_kill(owner, node)
            await quits(owner, window.pid)
            await until(lambda: window.poll() is not None, START_S)
            assert window.returncode == 0


async def pauses_from_the_tray(owner: Owner, client: DoorClient) -> None:
    workers = [child for child in owner.node().children(recursive=True) if child.memory_info().rss > 100 << 20]
    assert workers
    await owner.click_tray("3")
    start = time.monotonic()
    await owner.press("Down", "Down", "Right", "Return")
    await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.PAUSED), START_S)
    await until(lambda: not any(worker.is_running() for worker in workers))
    assert time.monotonic() - start < 4


async def resumes_from_the_tray(owner: Owner, client: DoorClient) -> None:
    await owner.click_tray("3")
    await owner.press("Down", "Down", "Return")
    await asyncio.wait_for(client.wait_until(is_ready), START_S)


async def comes_back_after_a_kill(owner: Owner, node: psutil.Process) -> None:
    """The window starts the node again, and the ledger knows what was earned."""
    node.kill()
    await until(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE)
    async with watching(owner.home) as client:
        picture = await asyncio.wait_for(client.wait_until(is_ready), START_S)
        assert picture.today is not None
        assert picture.today.completed == 1


async def quits(owner: Owner, window: int) -> None:
    node = owner.node()
    await owner.click_tray("3")
    await owner.press("Up", "Return")
    await owner.sees("Quit Hearth")
    await owner.press("shift+Tab", "space") if psutil.pid_exists(window) else None
    await until(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE, START_S)
