from __future__ import annotations

import asyncio

import pytest

from desktop.control.storeroom import Storeroom
from desktop.domain.errors import Busy, DownloadFailed, ModelNotFound, SettingsError
from tests.fakes.patience import until
from tests.fakes.store import FakeStore


class Room:
    def __init__(self) -> None:
        self.changes = 0
        self.store = FakeStore()
        self.room = Storeroom(self.store, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def phase(self) -> str:
        return "" if self.room.state is None else self.room.state.phase


async def test_a_download_is_told_step_by_step_to_its_end() -> None:
    room = Room()
    await room.room.fetch("small-chat")
    assert room.room.state is not None
    assert (room.room.state.running, room.phase) == (True, "listing")

    room.store.steps.release()
    await until(lambda: room.room.state is not None and room.room.state.done_bytes == 1)
    room.store.steps.release(2)
    await until(lambda: room.phase == "done")

    assert (room.room.state.running, room.room.state.done_bytes, room.room.state.total_bytes) == (False, 3, 3)
    assert room.changes == 5


async def test_it_pauses_with_what_came_and_goes_on() -> None:
    room = Room()
    await room.room.fetch("small-chat")
    room.store.steps.release()
    await until(lambda: room.phase == "downloading")

    await room.room.stop()
    assert room.phase == "paused"

    await room.room.fetch("small-chat")
    room.store.steps.release(3)
    await until(lambda: room.phase == "done")


async def test_a_failure_is_kept_in_words() -> None:
    room = Room()
    room.store.failure = DownloadFailed("The server is away.", now="Try later.")
    await room.room.fetch("")
    room.store.steps.release()
    await until(lambda: room.phase == "failed")

    assert room.room.state is not None
    assert room.room.state.detail == "The server is away. Try later."


async def test_one_at_a_time_and_twice_the_same_is_once() -> None:
    room = Room()
    await room.room.fetch("small-chat")
    await room.room.fetch("small-chat")
    with pytest.raises(Busy, match="Something else"):
        await room.room.fetch("other")
    await room.room.stop()


async def test_refusals_of_the_store_are_passed_on_before_anything_begins() -> None:
    room = Room()
    with pytest.raises(ModelNotFound):
        await room.room.fetch("unknown")
    with pytest.raises(SettingsError):
        await room.room.discard("unknown")
    await room.room.discard("small-chat")

    assert room.room.state is None
    assert room.store.discarded == ["small-chat"]
    assert len((await room.room.shelf()).models) == 2


async def test_stopping_nothing_is_nothing() -> None:
    await asyncio.wait_for(Room().room.stop(), 30)
