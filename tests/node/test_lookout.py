import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from desktop.domain.device import Device, Telemetry
from desktop.domain.presence import Presence
from desktop.node.lookout import Lookout
from tests.fakes.computer import CARD, CPU, FakeSenses, at_rest
from tests.fakes.patience import until


@asynccontextmanager
async def looking(senses: FakeSenses) -> AsyncIterator[tuple[Lookout, list[int]]]:
    looks = [0]

    def changed() -> None:
        looks[0] += 1

    lookout = Lookout(senses, changed, lambda: True, lambda: 5)
    await lookout.start()
    try:
        yield lookout, looks
    finally:
        await lookout.stop()


async def test_everything_is_known_when_it_has_started_and_followed_from_then_on() -> None:
    senses = FakeSenses(readings={CPU.id: at_rest(CPU, load=0.5)})
    async with looking(senses) as (lookout, looks):
        assert lookout.presence == senses.owner
        assert lookout.devices == (CPU,)
        assert lookout.readings[CPU.id].load == 0.5
        senses.owner = Presence(session=True, idle_s=0.0)
        await until(lambda: lookout.presence == senses.owner)
        before = looks[0]
        senses.readings[CPU.id] = at_rest(CPU, load=0.7)
        await until(lambda: lookout.readings[CPU.id].load == 0.7)
        assert looks[0] > before


async def test_a_device_that_hangs_is_told_in_words_and_delays_no_other() -> None:
    class Hanging(FakeSenses):
        async def telemetry(self, device_id: str) -> Telemetry:
            if device_id in self.hangs:
                await asyncio.sleep(3600)
            return await super().telemetry(device_id)

    senses = Hanging(there=[CARD, CPU])
    async with looking(senses) as (lookout, _):
        senses.hangs.add(CARD.id)
        senses.readings[CPU.id] = at_rest(CPU, load=0.9)
        await until(lambda: lookout.readings[CPU.id].load == 0.9)
        assert not lookout.readings[CARD.id].silence
        await until(lambda: "did not answer" in lookout.readings[CARD.id].silence)


async def test_a_session_that_hangs_counts_as_one_that_tells_nothing() -> None:
    class Hanging(FakeSenses):
        async def presence(self) -> Presence:
            await asyncio.sleep(3600)
            return self.owner

    async with looking(Hanging()) as (lookout, _):
        assert lookout.presence == Presence(session=True)


async def test_without_any_device_there_is_nothing_to_read() -> None:
    there: list[Device] = []
    async with looking(FakeSenses(there=there)) as (lookout, _):
        assert lookout.devices == ()
        assert lookout.readings == {}


class Counting(FakeSenses):
    """An owner of whom every look tells what `tell` does, and no device."""

    def __init__(self, tell: Callable[[int], Presence]) -> None:
        super().__init__(there=[])
        self.looks = 0
        self._tell = tell

    async def presence(self) -> Presence:
        self.looks += 1
        return self._tell(self.looks)


async def test_an_owner_who_stays_away_is_told_of_once_a_second_only() -> None:
    senses = Counting(lambda looks: Presence(session=True, idle_s=1000.0 + looks))
    async with looking(senses) as (_, told):
        started_s, before = time.monotonic(), told[0]
        await until(lambda: senses.looks >= 11)
        assert 1 <= told[0] - before <= 1 + (time.monotonic() - started_s) / 0.9


@pytest.mark.parametrize(
    "tell",
    [
        lambda looks: Presence(session=True, idle_s=1000.0 - looks),
        lambda looks: Presence(session=True, idle_s=1000.0, locked=looks % 2 == 0),
        lambda looks: Presence(session=True, idle_s=None if looks % 2 else 1000.0),
    ],
    ids=["a hand on the mouse", "locks", "no longer known"],
)
async def test_what_the_owner_does_is_told_at_every_look(tell: Callable[[int], Presence]) -> None:
    senses = Counting(tell)
    async with looking(senses) as (_, told):
        before = told[0], senses.looks
        await until(lambda: senses.looks >= 8)
        await asyncio.sleep(0)
        assert told[0] - before[0] >= senses.looks - before[1] - 1
