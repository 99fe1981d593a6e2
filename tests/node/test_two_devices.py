"""Two real workers, each on a device of its own: one yields, the other works on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from desktop.domain.device import Device, DeviceKind
from desktop.domain.inference import Finish, FinishReason
from desktop.domain.node_state import NodeState, Reason
from desktop.machine.private_file import write_private
from desktop.node.fleet import Fleet
from desktop.node.policy.decision import Decision, Judgement, Judgements
from desktop.node.policy.terms import Terms
from desktop.node.stops import Stops
from desktop.worker.launcher import WorkerLauncher
from tests.fakes.computer import at_rest
from tests.fakes.patience import until
from tests.worker.scripted_launch import chat, scripted_launcher

DEVICES = (Device("one", DeviceKind.CPU, "One", 0, None), Device("two", DeviceKind.CPU, "Two", 1, None))
READY = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
GAME = Decision(NodeState.PAUSED, Reason.OTHER_PROGRAM)


class Asker:
    """A job that runs until it is told to end."""

    id = "job"

    async def interrupt(self, why: str, within_s: float) -> None:
        del why, within_s


@asynccontextmanager
async def fleet_of(folder: Path) -> AsyncIterator[tuple[Fleet, dict[str, WorkerLauncher]]]:
    launchers: dict[str, WorkerLauncher] = {}

    def workers(device: Device) -> WorkerLauncher:
        own = folder / device.id
        own.mkdir()
        launchers[device.id] = scripted_launcher(own, ready_within_s=120)
        return launchers[device.id]

    stops = Stops(folder / "stops.json", write_private)
    fleet = Fleet(workers, slots=1, stops=stops, changed=lambda: None, wall_ms=lambda: 1)
    fleet.know(DEVICES, {each.id: at_rest(each) for each in DEVICES})
    try:
        yield fleet, launchers
    finally:
        await fleet.stop()


def follow(fleet: Fleet, **decisions: Decision) -> None:
    judged = {each.id: decisions.get(each.id, READY) for each in DEVICES}
    devices = {name: Judgement(decision, may_work=decision is READY) for name, decision in judged.items()}
    fleet.follow(Judgements(READY, devices), Terms(spare_worker=False), patient=False, age_s=0)


async def test_one_device_yields_while_the_other_answers(tmp_path: Path) -> None:
    async with fleet_of(tmp_path) as (fleet, _):
        follow(fleet)
        await until(lambda: fleet.slots == 2, 120)
        pids = {view.device.id: list(view.worker.pids) for view in fleet.views() if view.worker is not None}
        assert not set(pids["one"]) & set(pids["two"])
        async with fleet.seat(Asker()) as first, fleet.seat(Asker()) as second:
            assert first is not second
            follow(fleet, one=GAME)
            await fleet.left()
            yielded, working = (first, second) if not first.pids else (second, first)
            assert not yielded.pids
            pieces = [piece async for piece in working.generate(chat("count 5"))]

            assert isinstance(pieces[-1], Finish)
            assert pieces[-1].reason is FinishReason.STOP
        stops = {view.device.id: view.last_stop for view in fleet.views()}
        assert stops["one"] is not None
        assert stops["one"].reason is Reason.OTHER_PROGRAM
        assert stops["two"] is None


async def test_a_spare_worker_is_taken_by_the_next_launch_and_given_up_on_request(tmp_path: Path) -> None:
    launcher = scripted_launcher(tmp_path, ready_within_s=120)
    await launcher.keep_spare()
    spare = launcher.spare_pids
    assert spare
    await launcher.keep_spare()
    assert launcher.spare_pids == spare
    worker = await launcher.launch()
    assert worker.pids == spare
    assert launcher.spare_pids == []
    await worker.vanish()
    await worker.wait_closed()
    await launcher.keep_spare()
    await launcher.drop_spare()
    assert launcher.spare_pids == []
