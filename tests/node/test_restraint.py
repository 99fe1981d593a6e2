from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.limits import Limits
from desktop.domain.node_state import NodeState, Reason
from desktop.machine.limits.keeper import Held, Unmet
from desktop.node.fleet import DeviceView
from desktop.node.policy.decision import Decision
from desktop.node.restraint import Restraint
from tests.fakes.patience import until
from tests.fakes.worker import FakeWorker

CARD = Device("GPU-a", DeviceKind.NVIDIA, "A Card", 0, None)
NO_RIGHTS = Unmet("power limit", "Only an administrator may.", "sudo nvidia-smi -i 0 -pl 210")


class PacedWorker(FakeWorker):
    """A worker that remembers its paces."""

    def __init__(self) -> None:
        super().__init__()
        self.duties: list[float] = []

    def set_duty(self, share: float) -> None:
        self.duties.append(share)


@dataclass
class FakeKeeper:
    """Applies everything, unless something is `unmet`."""

    unmet: tuple[Unmet, ...] = ()
    applied: list[dict[str, Limits]] = field(default_factory=list)
    recovered: int = 0
    closed: int = 0

    def held(self, device_id: str) -> Held:
        limits = self.applied[-1].get(device_id, Limits()) if self.applied else Limits()
        return Held(limits, None, self.unmet if self.applied else ())

    async def apply(self, wanted: Sequence[tuple[Device, Limits]]) -> None:
        assert self.recovered
        self.applied.append({device.id: limits for device, limits in wanted})

    async def recover(self) -> tuple[str, ...]:
        self.recovered += 1
        return ()

    async def close(self) -> tuple[str, ...]:
        self.closed += 1
        return ("It stayed.",)


class Node:
    """One card and what its owner allows."""

    def __init__(self) -> None:
        self.limits = Limits(power_share=0.5, temperature_c=70.0, duty=0.5)
        self.worker: PacedWorker | None = None
        self.telemetry = Telemetry(1, temperature_c=50.0)

    @property
    def view(self) -> DeviceView:
        decision = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
        return DeviceView(CARD, self.telemetry, decision, self.worker, None, spare=False, jobs=0)

    def devices(self) -> tuple[DeviceView, ...]:
        return (self.view,)

    def limits_of(self, device_id: str) -> Limits:
        assert device_id == CARD.id
        return self.limits


class House:
    """A restraint at work."""

    def __init__(self) -> None:
        self.node, self.keeper, self.changes = Node(), FakeKeeper(), 0
        self.restraint = Restraint(self.node, self.keeper, self._changed)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    if not made.keeper.closed:
        await made.restraint.close()


async def test_limits_are_passed_on_at_the_start_and_whenever_they_change(house: House) -> None:
    house.restraint.start()
    await until(lambda: bool(house.keeper.applied))
    assert house.keeper.applied == [{CARD.id: house.node.limits}]
    assert house.changes == 1

    house.node.limits = Limits(power_share=0.8)
    house.restraint.nudge()

    await until(lambda: len(house.keeper.applied) == 2)
    assert house.keeper.applied[1] == {CARD.id: Limits(power_share=0.8)}
    assert await house.restraint.close() == ("It stayed.",)


async def test_each_worker_is_told_its_pace_once_and_again_when_it_changes(house: House) -> None:
    first = house.node.worker = PacedWorker()
    house.restraint.start()
    await until(lambda: first.duties == [0.5])

    rounds = len(house.keeper.applied)
    house.restraint.nudge()
    await until(lambda: len(house.keeper.applied) > rounds)
    assert first.duties == [0.5]

    house.node.limits = Limits()
    house.restraint.nudge()
    await until(lambda: first.duties == [0.5, 1.0])

    second = house.node.worker = PacedWorker()
    rounds = len(house.keeper.applied)
    house.restraint.nudge()
    await until(lambda: len(house.keeper.applied) > rounds)
    assert second.duties == []  # it computes always, as it is
    house.node.limits = Limits(duty=0.2)
    house.restraint.nudge()
    await until(lambda: second.duties == [0.2])


async def test_what_is_not_in_force_is_told(house: House) -> None:
    house.keeper.unmet = (NO_RIGHTS,)
    house.restraint.start()
    await until(lambda: bool(house.keeper.applied))
    assert house.restraint.held(house.node.view).unmet == (NO_RIGHTS,)

    house.node.telemetry = Telemetry(2)
    house.node.limits = Limits(temperature_c=60.0, memory_bytes=1 << 30)

    assert [each.what for each in house.restraint.held(house.node.view).unmet] == [
        "power limit",
        "temperature",
        "memory",
    ]
    house.node.telemetry = Telemetry(3, silence="It hangs.")
    assert "temperature" not in [each.what for each in house.restraint.held(house.node.view).unmet]


async def test_it_can_be_closed_before_it_began(house: House) -> None:
    await house.restraint.close()

    assert house.keeper.closed == 1
    await asyncio.sleep(0)
    assert house.keeper.applied == []
