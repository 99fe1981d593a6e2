"""Seats at several devices, and how each of them gets out of the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.domain.device import Device, Telemetry
from desktop.domain.errors import Unavailable, WorkerDied
from desktop.domain.node_state import NodeState, Reason
from desktop.machine.private_file import write_private
from desktop.node.fleet import Fleet
from desktop.node.policy.decision import Decision, Judgement, Judgements
from desktop.node.policy.signals import WorkerStatus
from desktop.node.policy.terms import Terms
from desktop.node.station import spare_wanted
from desktop.node.stops import Stop, Stops
from tests.fakes.computer import CARD, CPU, GIB, OTHER_CARD, FakeWorkers, at_rest
from tests.fakes.patience import until

READY = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
ACTIVE = Decision(NodeState.PAUSED, Reason.OWNER_ACTIVE)
GAME = Decision(NodeState.PAUSED, Reason.OTHER_PROGRAM)


class Sitter:
    """A job that does as it is told; `ends` lets it finish by itself."""

    def __init__(self, fleet: Fleet) -> None:
        self.ends = asyncio.Event()
        self.interrupted = ""
        self.id = f"job-{id(self)}"
        self.at: object = None
        self._fleet = fleet
        self.task = asyncio.create_task(self._run())

    async def interrupt(self, why: str, within_s: float) -> None:
        assert within_s < 1
        self.interrupted = why
        self.ends.set()
        await asyncio.wait({self.task})

    async def _run(self) -> None:
        async with self._fleet.seat(self) as worker:
            self.at = worker
            await self.ends.wait()


class Place:
    """A fleet over workers that a test can reach."""

    def __init__(self, folder: Path, *devices: Device, slots: int = 2) -> None:
        self.devices = devices
        self.workers = {device.id: FakeWorkers() for device in devices}
        self.stops = Stops(folder / "stops.json", write_private)
        self.fleet = Fleet(
            lambda device: self.workers[device.id],
            slots=slots,
            stops=self.stops,
            changed=self._changed,
            wall_ms=lambda: 7,
        )
        self.fleet.know(devices, {device.id: at_rest(device) for device in devices})

    def _changed(self) -> None:
        asyncio.get_running_loop().call_soon(self.fleet.know, self.devices, {})

    def follow(self, terms: Terms | None = None, *, patient: bool = False, **decisions: Decision) -> None:
        """Decide for each device, by its kind's first letters; what is not named is ready."""
        names = {device.id: decisions.get(device.id.replace("-", "_"), READY) for device in self.devices}
        judged = {name: Judgement(decision, may_work=decision is READY) for name, decision in names.items()}
        self.fleet.follow(Judgements(READY, judged), terms or Terms(spare_worker=False), patient=patient, age_s=0.1)

    async def open(self) -> None:
        self.follow()
        await until(lambda: self.fleet.slots == sum(view.worker is not None for view in self.fleet.views()) * 2)
        await until(lambda: all(view.worker is not None for view in self.fleet.views()))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path, CARD, OTHER_CARD, CPU)
    await made.open()
    yield made
    await made.fleet.stop()


async def test_cards_are_asked_before_the_processor_and_jobs_spread_over_them(place: Place) -> None:
    sitters = [Sitter(place.fleet) for _ in range(7)]
    await until(lambda: sum(sitter.at is not None for sitter in sitters) == 6)
    assert [view.jobs for view in place.fleet.views()] == [2, 2, 2]
    assert [view.device.kind.value for view in place.fleet.views()] == ["nvidia", "nvidia", "cpu"]
    assert {id(sitter.at) for sitter in sitters[:2]} == {
        id(place.workers[each.id].made[0]) for each in (CARD, OTHER_CARD)
    }
    sitters[0].ends.set()
    await until(lambda: sitters[6].at is not None)
    assert sitters[6].at is sitters[0].at


async def test_a_device_gets_out_of_the_way_alone_and_the_time_it_took_is_kept(place: Place, tmp_path: Path) -> None:
    sitters = [Sitter(place.fleet) for _ in range(6)]
    await until(lambda: all(sitter.at is not None for sitter in sitters))
    worker = place.workers[CARD.id].made[0]
    place.follow(GPU_1=GAME)
    await place.fleet.left()
    assert worker.stopped
    assert {sitter.interrupted for sitter in sitters if sitter.at is worker} == {"device used by another program"}
    assert {sitter.interrupted for sitter in sitters if sitter.at is not worker} == {""}
    assert place.fleet.slots == 4
    kept = Stops(tmp_path / "stops.json", write_private).last(CARD.id)
    assert kept is not None
    assert (kept.at_ms, kept.reason) == (7, Reason.OTHER_PROGRAM)
    assert kept.stop_ms < 1000
    place.follow()
    await until(lambda: place.fleet.slots == 6)
    assert len(place.workers[CARD.id].made) == 2


async def test_within_the_grace_a_job_ends_by_itself(place: Place) -> None:
    sitter = Sitter(place.fleet)
    await until(lambda: sitter.at is not None)
    place.follow(Terms(grace_s=60, spare_worker=False), GPU_1=ACTIVE, GPU_2=ACTIVE, cpu=ACTIVE)
    assert place.fleet.slots == 0
    sitter.ends.set()
    await place.fleet.left()
    assert sitter.interrupted == ""
    assert place.workers[CARD.id].made[0].stopped


async def test_a_cause_that_is_gone_within_the_grace_disturbed_nobody(place: Place) -> None:
    sitter = Sitter(place.fleet)
    await until(lambda: sitter.at is not None)
    patient = Terms(grace_s=60, spare_worker=False)
    place.follow(patient, GPU_1=ACTIVE, GPU_2=ACTIVE, cpu=ACTIVE)
    place.follow(patient)
    await place.fleet.left()
    await until(lambda: place.fleet.slots == 6)
    assert sitter.interrupted == ""
    assert not place.workers[CARD.id].made[0].stopped
    sitter.ends.set()


async def test_whoever_waited_long_enough_can_be_hurried(place: Place) -> None:
    sitter = Sitter(place.fleet)
    await until(lambda: sitter.at is not None)
    place.follow(patient=True, GPU_1=ACTIVE, GPU_2=ACTIVE, cpu=ACTIVE)
    await asyncio.sleep(0)
    assert sitter.interrupted == ""
    place.follow(GPU_1=ACTIVE, GPU_2=ACTIVE, cpu=ACTIVE)
    await place.fleet.left()
    assert sitter.interrupted == "owner active"


async def test_who_waits_for_a_seat_is_told_at_once_when_there_will_be_none(place: Place) -> None:
    sitters = [Sitter(place.fleet) for _ in range(8)]
    await until(lambda: sum(sitter.at is not None for sitter in sitters) == 6)
    place.follow(GPU_1=ACTIVE, GPU_2=ACTIVE, cpu=ACTIVE)
    await place.fleet.left()
    for waiting in sitters[6:]:
        with pytest.raises(Unavailable, match="Ask another provider"):
            await waiting.task


async def test_a_job_that_gives_up_waiting_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    place = Place(tmp_path, CPU, slots=2)
    await place.open()
    sitters = [Sitter(place.fleet) for _ in range(4)]
    await until(lambda: sum(sitter.at is not None for sitter in sitters) == 2)
    sitters[2].task.cancel()
    await asyncio.gather(sitters[2].task, return_exceptions=True)
    sitters[0].ends.set()
    await until(lambda: sitters[3].at is not None)
    assert place.fleet.views()[0].jobs == 2
    await place.fleet.stop()


async def test_a_dead_worker_is_replaced_on_its_device_alone(place: Place) -> None:
    place.workers[CARD.id].failures.append(WorkerDied("The worker ended."))
    place.workers[CARD.id].made[0].die("killed")
    await until(lambda: len(place.workers[CARD.id].made) == 2)
    assert len(place.workers[CPU.id].made) == 1


async def test_a_device_that_is_gone_keeps_its_place_without_working(place: Place) -> None:
    place.fleet.know((CPU, CARD), {})
    gone = next(each for each in place.fleet.signals(lambda _: None) if each.device == OTHER_CARD)
    assert not gone.present
    assert gone.worker is WorkerStatus.READY


async def test_a_spare_worker_waits_only_while_it_is_wanted(tmp_path: Path) -> None:
    place = Place(tmp_path, CPU)
    await place.open()
    workers = place.workers[CPU.id]
    workers.spare_pids = [4242]
    place.follow(Terms(spare_worker=True))
    assert workers.spare_pids
    place.follow(Terms(spare_worker=False))
    await until(lambda: not workers.spare_pids)
    await place.fleet.stop()


@pytest.mark.parametrize(
    ("decision", "telemetry", "setting", "wanted"),
    [
        (READY, at_rest(CPU), True, True),
        (ACTIVE, at_rest(CPU), True, True),
        (ACTIVE, None, True, True),
        (READY, at_rest(CPU), False, False),
        (READY, at_rest(CPU, memory_used_bytes=16 * GIB - 1), True, False),
        (Decision(NodeState.PAUSED, Reason.PAUSED_BY_OWNER), at_rest(CPU), True, False),
        (Decision(NodeState.PAUSED, Reason.MEMORY_WANTED), at_rest(CPU), True, False),
        (Decision(NodeState.FAULT, Reason.WORKER_FAILED), at_rest(CPU), True, False),
    ],
)
def test_memory_is_not_spent_on_a_spare_where_it_is_short_or_wanted_back(
    decision: Decision, telemetry: Telemetry | None, *, setting: bool, wanted: bool
) -> None:
    assert spare_wanted(decision, telemetry, setting=setting) is wanted


def test_a_file_of_stops_that_cannot_be_read_is_no_stop(tmp_path: Path) -> None:
    (tmp_path / "stops.json").write_text('{"cpu": {"at_ms": "x"}}')
    stops = Stops(tmp_path / "stops.json", write_private)
    assert stops.last("cpu") is None
    for number in range(100):
        stops.note(f"GPU-{number}", Stop(number, Reason.OWNER_ACTIVE, 1, 2))
    assert stops.last("GPU-0") is None
    assert stops.last("GPU-99") == Stop(99, Reason.OWNER_ACTIVE, 1, 2)
