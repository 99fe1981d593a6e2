from __future__ import annotations

import asyncio

import pytest

from desktop.control.snapshot import Renewal, VersionChange
from desktop.control.updating import DAY_S, FIRST_S, Updating
from desktop.domain.errors import Busy, NetworkError, Unavailable, UpdateFailed
from tests.fakes.patience import until
from tests.fakes.versions import FakeVersions, found


class Room:
    def __init__(self) -> None:
        self.changes = 0
        self.shop = FakeVersions()
        self.slept: list[float] = []
        self.day = asyncio.Semaphore(0)
        self.updating = Updating(self.shop, self._changed, sleep=self._sleep, chance=lambda: 0.5)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.day.acquire()

    def _changed(self) -> None:
        self.changes += 1

    @property
    def phase(self) -> str:
        return self.updating.state.phase


async def test_a_look_tells_what_there_is() -> None:
    room = Room()
    await room.updating.follow("look")
    await until(lambda: room.phase == "ready")
    assert room.updating.state == found()
    assert room.changes == 2


async def test_a_look_that_fails_says_why_and_keeps_the_last_change() -> None:
    room = Room()
    room.shop.last = Renewal(last_change=VersionChange(version="1.1.0", before="1.0.0", healthy=False, at_ms=1))
    room.shop.failure = NetworkError("No source told of a version.", now="Try again later.")
    await room.updating.open()
    await room.updating.follow("look")
    await until(lambda: room.phase == "failed")
    assert room.updating.state.detail == "No source told of a version. Try again later."
    assert room.updating.state.last_change == room.shop.last.last_change
    await room.updating.close()


async def test_nothing_is_installed_that_no_look_found_ready() -> None:
    room = Room()
    with pytest.raises(Unavailable, match="no new version"):
        await room.updating.follow("install")
    room.shop.finds = found(phase="waiting")
    await room.updating.follow("look")
    await until(lambda: room.phase == "waiting")
    with pytest.raises(Unavailable):
        await room.updating.follow("install")
    assert room.shop.installs == 0


async def test_an_installation_is_told_pauses_and_goes_on() -> None:
    room = Room()
    await room.updating.follow("look")
    await until(lambda: room.phase == "ready")
    await room.updating.follow("install")
    room.shop.steps.release()
    await until(lambda: room.phase == "downloading")
    with pytest.raises(Busy):
        await room.updating.follow("look")

    await room.updating.follow("stop")
    assert (room.phase, room.updating.state.running, room.updating.state.version) == ("paused", False, "1.1.0")

    await room.updating.follow("install")
    room.shop.steps.release(2)
    await until(lambda: room.phase == "downloaded")
    assert room.updating.state.command == "sudo apt install /x.deb"


async def test_a_failed_installation_keeps_its_words() -> None:
    room = Room()
    await room.updating.follow("look")
    await until(lambda: room.phase == "ready")
    room.shop.failure = UpdateFailed("It could not be unpacked.")
    await room.updating.follow("install")
    room.shop.steps.release()
    await until(lambda: room.phase == "failed")
    assert room.updating.state.detail == "It could not be unpacked."


@pytest.mark.parametrize(("wanted", "looks", "installs"), [("off", 0, 0), ("tell", 1, 0), ("install", 1, 1)])
async def test_once_a_day_it_does_what_the_owner_wants(wanted: str, looks: int, installs: int) -> None:
    room = Room()
    room.shop.wanted = wanted
    room.shop.steps.release(2)
    await room.updating.open()
    await until(lambda: room.slept == [FIRST_S * 1.5])
    assert room.shop.looks == 0
    room.day.release()
    await until(lambda: len(room.slept) == 2)
    assert room.slept[1] == pytest.approx(DAY_S)
    await until(lambda: (room.shop.looks, room.shop.installs) == (looks, installs))
    await room.updating.close()


async def test_a_day_without_a_network_is_followed_by_another() -> None:
    room = Room()
    room.shop.failure = NetworkError("No network.")
    await room.updating.open()
    for _ in range(2):
        room.day.release()
    await until(lambda: room.shop.looks == 2)
    await room.updating.close()


async def test_closing_ends_whatever_runs() -> None:
    room = Room()
    await room.updating.follow("look")
    await until(lambda: room.phase == "ready")
    await room.updating.follow("install")
    await asyncio.wait_for(room.updating.close(), 5)
    assert room.phase == "paused"
    await asyncio.wait_for(Room().updating.close(), 5)
