"""What runs while the version changes, over the door of a fake node: its jobs end first, and it is looked after."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from desktop.commands.running_app import PAUSE_MS, RunningApp
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.control.address import door_in
from desktop.control.messages import Pause
from desktop.control.server import Door
from desktop.domain.errors import Busy, SandboxUnavailable, UpdateFailed
from desktop.domain.node_state import NodeState, Reason
from desktop.machine.paths import Paths
from desktop.updates.changeover import Ran
from tests.fakes.steward import FakeSteward, a_snapshot

NOW_MS = 1_795_000_000_000
RAN = Ran(node=True, resting=True, shut_in=True)


class NodeBehindTheDoor(FakeSteward):
    """It ends when it is asked to: its door closes, its folder is free. `lasting`: how many looks its jobs last."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: Callable[[], None] = lambda: None
        self.changed: Callable[[], None] = lambda: None
        self.never_done = False
        self.pause_shows = True

    async def pause(self, request: Pause) -> None:
        before = self.picture
        await super().pause(request)
        if not self.pause_shows:  # a node at fault says so, paused or not
            self.picture = before
        status = msgspec.structs.replace(self.picture.status, finishing=True)
        self.picture = msgspec.structs.replace(self.picture, status=status)
        if not self.never_done:
            asyncio.get_running_loop().call_later(0.3, self.finish)

    def finish(self) -> None:
        self.followed.append("finished")
        status = msgspec.structs.replace(self.picture.status, finishing=False)
        self.picture = msgspec.structs.replace(self.picture, status=status)
        self.changed()

    async def quit(self) -> None:
        await super().quit()
        self.ended()


class Place:
    def __init__(self, folder: Path) -> None:
        paths = Paths.below(folder)
        paths.create()
        self.home = Composition(paths, Settings(), lambda: NOW_MS, use_keyring=False)
        self.steward = NodeBehindTheDoor()
        self.app = RunningApp(self.home, {"PATH": os.environ["PATH"], "HOME": str(folder)}, drain_s=1.5)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._door: Door | None = None

    def open(self, version: str = "1.0.0") -> None:
        self.shut()
        lock = self.home.instance()
        lock.acquire()
        self._door = Door(self.steward, door_in(self.home.paths.runtime), version=version)
        self.steward.changed = self._door.changed
        self.steward.ended = lock.release
        asyncio.run_coroutine_threadsafe(self._door.open(), self._loop).result(10)

    def shut(self) -> None:
        if self._door is not None:
            asyncio.run_coroutine_threadsafe(self._door.close(), self._loop).result(10)
            self._door = None

    def close(self) -> None:
        self.steward.ended()
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def pauses(self) -> list[Pause]:
        return [each for each in self.steward.followed if isinstance(each, Pause)]

    def words(self) -> list[object]:
        return [each for each in self.steward.followed if isinstance(each, str)]


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="hh-") as folder:
        made = Place(Path(folder))
        yield made
        made.close()


def test_jobs_end_before_the_node_does_and_its_pause_ends_by_itself(place: Place) -> None:
    place.open()

    ran = place.app.rest()

    assert ran == RAN
    (pause,) = place.pauses()
    assert (pause.finish_first, pause.until_ms) == (True, NOW_MS + PAUSE_MS)
    assert place.words() == ["finished", "quit"]


def test_a_node_whose_jobs_do_not_end_goes_on(place: Place) -> None:
    place.steward.never_done = True
    place.open()
    with pytest.raises(Busy, match="requests are being answered"):
        place.app.rest()
    assert place.words() == ["resume"]
    assert place.steward.picture.status.state is NodeState.READY


@pytest.mark.parametrize("reason", [Reason.PAUSED_BY_OWNER, Reason.WAITING_TO_JOIN])
def test_a_node_that_rests_already_is_not_resumed_later(place: Place, reason: Reason) -> None:
    place.steward.show(NodeState.PAUSED, reason)
    place.open()
    ran = place.app.rest()
    assert ran == replace(RAN, resting=False, waiting=reason is Reason.WAITING_TO_JOIN)
    assert place.pauses() == []


def test_a_node_at_fault_can_be_updated_and_its_fault_is_no_news(place: Place) -> None:
    """An update may be what mends it. This very process has no --wait-to-join, so its owner has joined."""
    place.steward.picture = a_snapshot(NodeState.FAULT, Reason.WORKER_FAILED)
    place.steward.pause_shows = False
    place.open()
    ran = place.app.rest()
    assert ran == replace(RAN, faulty=True)

    place.open("2.0.0")
    assert place.app.ailment(replace(ran, faulty=False), "2.0.0", 0).startswith("It is fault")
    assert place.app.ailment(ran, "2.0.0", 5) == ""


def test_where_nothing_runs_there_is_nothing_to_rest_or_look_after(place: Place) -> None:
    assert place.app.rest() == Ran()
    assert place.app.ailment(Ran(), "2.0.0", 0) == ""


def test_a_healthy_version_is_resumed(place: Place) -> None:
    place.steward.show(NodeState.PAUSED, Reason.PAUSED_BY_OWNER)
    place.open("2.0.0")
    assert place.app.ailment(RAN, "2.0.0", 5) == ""
    assert place.words() == ["resume"]


def broken_out(place: Place) -> None:
    place.steward.no_sandbox = SandboxUnavailable("No sandbox works here.")
    place.open("2.0.0")


def at_fault(place: Place) -> None:
    place.steward.picture = a_snapshot(NodeState.FAULT, Reason.WORKER_FAILED)
    place.open("2.0.0")


def of_another_version(place: Place) -> None:
    place.open("1.0.0")


def silent(place: Place) -> None:
    assert place.steward.words


@pytest.mark.parametrize(
    ("ail", "words"),
    [
        (of_another_version, "Version 1.0.0 answers"),
        (silent, "not running"),
        (broken_out, "sandbox does not hold"),
        (at_fault, "It is fault: worker failed."),
    ],
)
def test_what_ails_a_version_is_told(place: Place, ail: Callable[[Place], None], words: str) -> None:
    ail(place)
    assert words in place.app.ailment(RAN, "2.0.0", 0.3)
    assert "resume" not in place.words()


def test_a_sandbox_that_did_not_hold_before_is_no_new_ailment(place: Place) -> None:
    broken_out(place)
    assert place.app.ailment(replace(RAN, shut_in=False), "2.0.0", 5) == ""


def script(place: Place, text: str) -> Path:
    path = place.home.paths.data / "hearth"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_one_that_ends_at_once_is_not_waited_for(place: Place) -> None:
    place.app.start(RAN, script(place, "echo 'the disk is gone' >&2; exit 4"))
    assert place.app.ailment(RAN, "2.0.0", 60) == "It ended with status 4. the disk is gone"
    place.app.end()


def test_the_same_is_started_that_ran(place: Place) -> None:
    said = place.home.paths.data / "said"
    command = script(place, f'echo "$*" >>"{said}"')
    home = str(place.home.paths.data.parent)
    for ran in (RAN, replace(RAN, waiting=True), replace(RAN, window=True), Ran()):
        place.app.start(ran, command)
        place.app.end()
    assert said.read_text().splitlines() == [
        f"node --home {home}",
        f"node --wait-to-join --home {home}",
        f"--hidden --home {home}",
    ]


def test_a_command_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(UpdateFailed, match="could not be started"):
        place.app.start(RAN, place.home.paths.data / "nothing")


def test_what_does_not_end_is_ended(place: Place) -> None:
    place.app.start(RAN, script(place, "exec sleep 600"))
    place.app.end()
    assert place.app.ailment(RAN, "2.0.0", 60).startswith("It ended with status -9.")
