from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.machine.linux import slept_ms
from desktop.machine.sleep import Nap, Notice, SleepWatch
from desktop.machine.sleep_notice import LogindNotice
from tests.fakes.desktop_bus import Host, LogindManager, host_on
from tests.fakes.patience import until
from tests.ui.session import base_environment, session_bus

WITHIN_S = 30.0
NOON_MS = 1_800_000_000_000


@dataclass
class Computer:
    """Clocks to turn by hand, and who is told."""

    slept_ms: int = 5_000
    wall_ms: int = NOON_MS
    now_s: float = 0.0
    told: list[str | Nap] = field(default_factory=list)
    may_sleep: asyncio.Event = field(default_factory=asyncio.Event)

    async def fall_asleep(self) -> None:
        self.told.append("falling")
        await self.may_sleep.wait()
        self.told.append("fallen")

    async def wake(self, nap: Nap) -> None:
        self.told.append(nap)

    def sleep(self, duration_ms: int) -> None:
        self.slept_ms += duration_ms
        self.wall_ms += duration_ms


@asynccontextmanager
async def watched(computer: Computer, notice: Notice | None = None) -> AsyncIterator[None]:
    watch = SleepWatch(
        computer,
        notice,
        slept_ms=lambda: computer.slept_ms,
        now_ms=lambda: computer.wall_ms,
        now_s=lambda: computer.now_s,
        look_every_s=0.01,
    )
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_sleep_that_nobody_announced_is_noticed_after_it() -> None:
    computer = Computer()
    async with watched(computer):
        computer.sleep(3_600_000)
        await until(lambda: bool(computer.told), WITHIN_S)
        computer.sleep(60_000)
        await until(lambda: len(computer.told) == 2, WITHIN_S)

    hour = NOON_MS + 3_600_000
    assert computer.told == [Nap(NOON_MS, hour), Nap(hour, hour + 60_000)]


async def test_a_clock_that_is_set_is_no_sleep() -> None:
    computer = Computer()
    async with watched(computer):
        for jump_ms in (86_400_000, -3_600_000, 500):
            computer.wall_ms += jump_ms
            computer.slept_ms += 1  # two clocks are never read at the same instant
            await asyncio.sleep(0.05)  # several looks, of which none may tell anything
        computer.sleep(10_000)
        await until(lambda: bool(computer.told), WITHIN_S)

    assert computer.told == [Nap(computer.wall_ms - 10_000, computer.wall_ms)]


async def test_an_announced_sleep_that_does_not_come_is_given_up() -> None:
    computer = Computer()
    computer.may_sleep.set()

    async def notice(prepare: Callable[[], Awaitable[None]], resumed: Callable[[], None]) -> None:
        del resumed
        await prepare()

    async with watched(computer, notice):
        await until(lambda: "fallen" in computer.told, WITHIN_S)
        computer.now_s = 61
        await until(lambda: len(computer.told) == 3, WITHIN_S)

    assert computer.told[2] == Nap(NOON_MS, NOON_MS)


def test_this_computers_own_clocks_agree_that_it_is_awake() -> None:
    before = slept_ms()

    assert 0 <= slept_ms() - before < 1000


# --- with logind ---


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with session_bus(base_environment(tmp_path), tmp_path) as environment:
        yield environment["DBUS_SESSION_BUS_ADDRESS"]


@pytest.fixture
async def host(address: str) -> AsyncIterator[Host]:
    async with host_on(address) as made:
        yield made


async def test_sleep_waits_until_all_is_settled(address: str, host: Host) -> None:
    computer, logind = Computer(), LogindManager()
    await host.offer(logind)
    async with watched(computer, LogindNotice(address, again_after_s=0.05)):
        await until(lambda: len(logind.locks) == 1, WITHIN_S)

        logind.PrepareForSleep(start=True)
        await until(lambda: computer.told == ["falling"], WITHIN_S)
        assert logind.held(logind.locks[0])
        computer.may_sleep.set()
        await until(lambda: not logind.held(logind.locks[0]), WITHIN_S)
        assert computer.told == ["falling", "fallen"]

        computer.sleep(60_000)
        logind.PrepareForSleep(start=False)
        await until(lambda: len(logind.locks) == 2, WITHIN_S)
        await until(lambda: len(computer.told) == 3, WITHIN_S)
        logind.PrepareForSleep(start=True)
        await until(lambda: computer.told[3:] == ["falling", "fallen"], WITHIN_S)
    assert computer.told[2] == Nap(NOON_MS, NOON_MS + 60_000)
    assert not logind.held(logind.locks[1])
    logind.close_locks()


async def test_whoever_never_settles_does_not_keep_the_computer_awake(address: str, host: Host) -> None:
    computer, logind = Computer(), LogindManager()
    await host.offer(logind)
    async with watched(computer, LogindNotice(address, prepare_within_s=0.5)):
        await until(lambda: bool(logind.locks), WITHIN_S)
        logind.PrepareForSleep(start=True)
        await until(lambda: computer.told == ["falling"], WITHIN_S)
        assert logind.held(logind.locks[0])
        await until(lambda: not logind.held(logind.locks[0]), WITHIN_S)
    assert computer.told == ["falling"]
    logind.close_locks()


async def test_without_a_lock_the_word_is_heard_all_the_same(address: str, host: Host) -> None:
    computer, logind = Computer(), LogindManager()
    logind.refuses_locks = True
    computer.may_sleep.set()
    await host.offer(logind)
    async with watched(computer, LogindNotice(address)):
        await until(lambda: logind.asked_for_locks == 1, WITHIN_S)
        logind.PrepareForSleep(start=True)
        await until(lambda: "fallen" in computer.told, WITHIN_S)
        logind.PrepareForSleep(start=False)
        await until(lambda: len(computer.told) == 3, WITHIN_S)


async def test_a_lock_that_was_refused_is_asked_for_again(address: str, host: Host) -> None:
    computer, logind = Computer(), LogindManager()
    logind.refuses_locks = True
    computer.may_sleep.set()
    await host.offer(logind)
    async with watched(computer, LogindNotice(address, again_after_s=0.05)):
        await until(lambda: logind.asked_for_locks > 0, WITHIN_S)
        logind.refuses_locks = False
        await until(lambda: bool(logind.locks), WITHIN_S)
        logind.PrepareForSleep(start=True)
        await until(lambda: "fallen" in computer.told, WITHIN_S)
        await until(lambda: not logind.held(logind.locks[0]), WITHIN_S)
        logind.PrepareForSleep(start=False)
        await until(lambda: len(logind.locks) == 2, WITHIN_S)
    logind.close_locks()


async def test_a_bus_that_comes_later_and_dies_is_looked_for_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.mkdir()
    address, computer = f"unix:path={folder / 'bus'}", Computer()
    computer.may_sleep.set()
    async with watched(computer, LogindNotice(address, again_after_s=0.05)):
        for turn in (1, 2):
            with session_bus(base_environment(tmp_path), folder):
                async with host_on(address) as host:
                    logind = LogindManager()
                    await host.offer(logind)
                    await until(lambda logind=logind: bool(logind.locks), WITHIN_S)  # type: ignore[misc]  # mypy infers no lambda with a bound default
                    logind.PrepareForSleep(start=True)
                    await until(lambda turn=turn: computer.told.count("fallen") == turn, WITHIN_S)  # type: ignore[misc]  # mypy infers no lambda with a bound default
            logind.close_locks()
            (folder / "bus").unlink(missing_ok=True)
