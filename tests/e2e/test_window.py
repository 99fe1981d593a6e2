"""The app itself, from its first start to its end: real window, real tray, real node, real money; by mouse and keys."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from desktop.control.address import door_in
from desktop.control.answers import BreakOutAnswer
from desktop.control.client import DoorClient
from desktop.control.messages import BreakOut, Watch
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import Unavailable
from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.preferences import PreferencesFile
from tests.e2e.stand import Stand, lend_models, question, standing, until_offered
from tests.fakes.patience import until
from tests.ui.session import base_environment, hand, running, screen

pytestmark = pytest.mark.slow

# A worker works when nothing else wants the processor: on a busy computer it takes its time to load.
START_S = 180.0
LOOK_AGAIN_S = 3.0
TOLD_WITHIN_S = 20.0  # a fraction of a second, were this computer not at several things at once
GIVEN_BACK_WITHIN_S = 20.0  # as above
MOST_LOG_LINES = 60


class Owner:
    """A person before a screen: looks first, then acts. A window takes keys in the order they are pressed in."""

    def __init__(self, environment: dict[str, str], window: int, home: Path) -> None:
        self._environment = environment
        self._window = window
        self.home = home

    def do(self, *words: str) -> str:
        return hand(self._environment, *words)

    def shown(self) -> set[str]:
        """What the app has on the screen: windows, and menus, which are windows too."""
        return set(self.do("search", "--onlyvisible", "--pid", str(self._window)).split())

    async def is_at(self, title: str) -> None:
        """Return when the window of that title has the keys."""
        await until(lambda: self._is_at(title), START_S)

    def _is_at(self, title: str) -> bool:
        return self.do("getwindowfocus", "getwindowname") == title

    def press(self, *keys: str) -> None:
        self.do("key", "--clearmodifiers", *keys)

    async def insists(self, title: str, key: str, done: Callable[[], bool]) -> None:
        """Press a key in the window of that title, and again while nothing comes of it."""
        async with asyncio.timeout(START_S):
            while not done():
                if self._is_at(title):
                    self.press(key)
                await self._comes_to(done)

    async def chooses_in_tray(self, *keys: str, submenu: tuple[str, ...] = (), question: str = "") -> None:
        """Open the tray's menu, press keys, and those of the submenu, or be at the question, that must then be open.

        A menu that has not changed yet with the node's state has the submenu where another has none: then it is
        closed and opened again, as a person would.
        """
        async with asyncio.timeout(START_S):
            while not await self._chooses(frozenset(self.shown()), keys, submenu, question):
                pass

    async def _chooses(
        self, before: frozenset[str], keys: tuple[str, ...], submenu: tuple[str, ...], question: str
    ) -> bool:
        def menus() -> int:
            return len(self.shown() - before)

        def has_come() -> bool:
            return self._is_at(question) if question else menus() == (2 if submenu else 0)

        self._click_tray()
        if not await self._comes_to(lambda: menus() == 1):
            return False
        self.press(*keys)
        if await self._comes_to(has_come):
            if submenu:
                self.press(*submenu)
            return True
        while menus():
            self.press("Escape")
            await self._comes_to(lambda: not menus())
        return False

    def _click_tray(self) -> None:
        for tray in self.do("search", "--onlyvisible", "--class", "trayer").split()[:1]:
            told = self.do("getwindowgeometry", "--shell", tray).splitlines()
            place = {name: value for name, _, value in (line.partition("=") for line in told)}
            x = int(place["X"]) + int(place["WIDTH"]) // 2
            y = int(place["Y"]) + int(place["HEIGHT"]) // 2
            self.do("mousemove", str(x), str(y), "click", "3")

    async def _comes_to(self, condition: Callable[[], bool]) -> bool:
        with suppress(TimeoutError):
            await until(condition, LOOK_AGAIN_S)
            return True
        return False

    def node(self) -> psutil.Process:
        """The node the app started."""
        return next(
            process
            for process in psutil.process_iter(["cmdline"])
            if "node" in (process.info["cmdline"] or []) and str(self.home) in (process.info["cmdline"] or [])
        )


@contextmanager
def telling(home: Path) -> Iterator[None]:
    """Whatever fails inside is told with what window and node said last."""
    try:
        yield
    except BaseException as error:
        for log in sorted((home / "log").glob("*.log*")):
            said = log.read_text(errors="replace").splitlines()[-MOST_LOG_LINES:]
            error.add_note("\n".join([f"--- the end of {log.name}:", *said]))
        raise


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
    """Through the first run by keys: welcome, computer, benchmark, when to work, phrase (skipped), join."""
    await owner.is_at("Welcome to Hearth")
    waiting = await asyncio.wait_for(
        client.wait_until(lambda now: bool(now.devices and now.devices[0].sandbox)), START_S
    )
    assert waiting.status.reason is Reason.WAITING_TO_JOIN
    owner.press("Return", "Return", "Return", "Return")
    owner.press("shift+Tab", "space")
    owner.press("Return")
    await asyncio.wait_for(client.wait_until(is_ready), START_S)
    await asyncio.wait_for(client.wait_until(lambda now: all(relay.enrolled for relay in now.relays)), START_S)
    preferences = owner.home / "config" / "window.json"
    await owner.insists("Welcome to Hearth", "Return", lambda: PreferencesFile(preferences).values.welcomed)
    await owner.is_at("Hearth")


async def earns(stand: Stand, client: DoorClient) -> None:
    """A stranger pays for an answer; the door tells of it as soon as there is a receipt."""
    await until_offered(stand.stage)
    async with stand.stage.buyer.ask(question("Why is the sky blue?")) as answer:
        said = [piece async for piece in answer]
    receipt_at = time.monotonic()
    assert "".join(said).strip()
    paid = await asyncio.wait_for(
        client.wait_until(lambda now: any(job.state is JobState.COMPLETED for job in now.recent)), START_S
    )
    assert time.monotonic() - receipt_at < TOLD_WITHIN_S
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
            telling(home),
        ):
            owner = Owner(shown, window.pid, home)
            async with watching(home) as client:
                await joins(owner, client)
                await stand.stage.node.stop()
                await nothing_breaks_out(client)
                await earns(stand, client)
                await pauses_from_the_tray(owner, client)
                await resumes_from_the_tray(owner, client)
                node = owner.node()
            await comes_back_after_a_kill(owner, node)
            await quits(owner)
            await until(lambda: window.poll() is not None, START_S)
            assert window.returncode == 0


async def nothing_breaks_out(client: DoorClient) -> None:
    """The word behind the button of Diagnostics, to the real node with its real sandbox, while a worker is at work."""
    answer = await asyncio.wait_for(client.ask(lambda number: BreakOut(id=number)), START_S)
    assert isinstance(answer, BreakOutAnswer)
    assert answer.held, answer
    assert {each.outcome.partition(":")[0] for each in answer.attempts if each.expected == "refused"} == {"refused"}


async def pauses_from_the_tray(owner: Owner, client: DoorClient) -> None:
    workers = [child for child in owner.node().children(recursive=True) if memory_of(child) > 100 << 20]
    assert workers
    await owner.chooses_in_tray("Down", "Down", "Right", submenu=("Return",))
    start = time.monotonic()
    await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.PAUSED), START_S)
    await until(lambda: not any(worker.is_running() for worker in workers), START_S)
    assert time.monotonic() - start < GIVEN_BACK_WITHIN_S


async def resumes_from_the_tray(owner: Owner, client: DoorClient) -> None:
    await owner.chooses_in_tray("Down", "Down", "Return")
    await asyncio.wait_for(client.wait_until(is_ready), START_S)


async def comes_back_after_a_kill(owner: Owner, node: psutil.Process) -> None:
    """The window starts the node again, and the ledger knows what was earned."""
    node.kill()
    await until(lambda: has_ended(node), START_S)
    async with watching(owner.home) as client:
        picture = await asyncio.wait_for(client.wait_until(is_ready), START_S)
        assert picture.today is not None
        assert picture.today.completed == 1


async def quits(owner: Owner) -> None:
    node = owner.node()
    await owner.chooses_in_tray("Up", "Return", question="Quit Hearth")
    owner.press("shift+Tab", "space")
    await until(lambda: has_ended(node), START_S)


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def memory_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
