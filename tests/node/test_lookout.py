import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
