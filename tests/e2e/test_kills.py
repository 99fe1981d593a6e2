"""Whatever is killed in the middle of a paid job: no sat is lost or counted twice, buyers are answered or paid back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psutil
import pytest
import pytest_asyncio

from desktop.commands.demo.stage import Stage
from desktop.domain.errors import HearthError
from desktop.gateway.buyer import Buyer
from desktop.gateway.purchase import Answer
from desktop.gateway.session import Session, open_session
from desktop.network.directory.finder import Finder
from desktop.network.directory.relays import Relays
from tests.e2e.stand import Stand, eventually, question, settle_all, standing, start_again, until_offered
from tests.fakes.power_cut import unlock_coins

NODE_KILLS = 6
SESSION_SAT = 30

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with standing(tmp_path_factory.mktemp("kills"), funded_sat=4000) as stand:
        yield stand
        await stand.reckon()


@pytest.fixture(scope="module")
def cut_off() -> list[Listener]:
    """Whose node was killed: they notice it when their line has been silent for half a minute."""
    return []


class Listener:
    """A buyer's question under way: what was heard so far, and how it ended."""

    def __init__(self, stage: Stage, *, most: int = 24, seed: int = 1, in_session: bool = False) -> None:
        self.heard: list[str] = []
        self.begun = asyncio.Event()
        self.answer: Answer | None = None
        self.trouble: HearthError | None = None
        self._stage = stage
        self._question = question(most=most, seed=seed)
        self.task = asyncio.create_task(self._listen(in_session=in_session))

    async def _listen(self, *, in_session: bool) -> None:
        try:
            async with AsyncExitStack() as stack:
                asked: Buyer | Session = self._stage.buyer
                if in_session:
                    (choice,) = await self._stage.buyer.choices(self._question.wish())
                    asked = await stack.enter_async_context(open_session(self._stage.buyer, choice, SESSION_SAT))
                self.answer = await stack.enter_async_context(asked.ask(self._question))
                async for piece in self.answer:
                    self.heard.append(piece)
                    self.begun.set()
        except HearthError as error:
            self.trouble = error
        finally:
            self.begun.set()

    @property
    def answered(self) -> bool:
        return self.trouble is None and bool(self.heard)


async def test_a_node_killed_at_any_instant_comes_back_with_its_books_right(
    stand: Stand, cut_off: list[Listener]
) -> None:
    stage = stand.stage
    chance = random.Random(20)
    for number in range(NODE_KILLS):
        listeners = [Listener(stage, seed=number), Listener(stage, most=60), Listener(stage, in_session=True)]
        # Two kills before the first token, two in the middle, two around the end; at random within each part.
        match number % 3:
            case 0:
                await asyncio.sleep(chance.random() / 3)
            case 1:
                await listeners[0].begun.wait()
                await asyncio.sleep(chance.random() / 3)
            case _:
                await listeners[0].task
                await asyncio.sleep(chance.random() / 10)
        await stage.node.kill()
        killed_at_ms = stage.buyer_home.now_ms()
        await start_again(stage)
        with stage.node_home.report() as report:
            assert report.verify() == []
            # No job holds money any more. What was set aside for a token on its way out still is, until the buyer
            # asks for that token again.
            assert all(job.finished_at_ms for job in report.every_job() if job.accepted_at_ms <= killed_at_ms)
        cut_off += listeners
    last = Listener(stage)
    await last.task
    assert last.answered, last.trouble


async def test_a_killed_worker_costs_its_job_nothing_and_is_started_again(stand: Stand) -> None:
    stage = stand.stage
    listener = Listener(stage, most=400)
    await listener.begun.wait()
    for worker in workers(stage):
        worker.kill()
    await listener.task
    assert listener.trouble is not None
    assert listener.answer is not None
    bill = listener.answer.bill
    assert bill is not None
    assert bill.change == bill.paid
    await eventually(lambda: not stage.node.ready)
    await eventually(lambda: stage.node.ready)
    await until_offered(stage)
    again = Listener(stage)
    await again.task
    assert again.answered, again.trouble


def workers(stage: Stage) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(stage.node.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "desktop.worker.process" in " ".join(child.cmdline()):
                found.append(child)
    return found


async def test_a_killed_relay_breaks_nothing(stand: Stand) -> None:
    stage = stand.stage
    listener = Listener(stage, most=60)
    await listener.begun.wait()
    await stage.relays[0].kill()
    await listener.task
    assert listener.answered
    without = Listener(stage)
    await without.task
    assert without.answered
    await stage.relays[0].start()  # with nothing in its memory


@pytest.mark.parametrize("instant", ["while paying", "while answering"])
async def test_a_killed_mint_only_delays_what_is_owed(stand: Stand, instant: str) -> None:
    stage = stand.stage
    listener = Listener(stage, most=60)
    if instant == "while answering":
        await listener.begun.wait()
    else:
        await asyncio.sleep(random.Random(4).random() / 10)
    await asyncio.to_thread(stage.mint.kill)
    await listener.task
    if instant == "while answering":
        assert listener.answered
    unlock_coins(stage.mint)
    await asyncio.to_thread(stage.mint.start)
    await asyncio.to_thread(stage.wallet.recover)
    await settle_all(stage)
    again = Listener(stage)
    await again.task
    assert again.answered, again.trouble


async def test_everyone_was_answered_or_paid_back(stand: Stand, cut_off: list[Listener]) -> None:
    """Last, because it waits for those whose node was killed; what is left is counted when the stand is taken down."""
    stage = stand.stage
    await asyncio.gather(*(listener.task for listener in cut_off))
    assert all(listener.answered or listener.trouble for listener in cut_off)
    assert 2 <= sum(listener.answered for listener in cut_off) < len(cut_off)
    await listed_again(stage)
    await stage.node.stop()
    await start_again(stage)
    await settle_all(stage)
    assert await stage.buyer.recover() == [], "each was paid back, so no claim is open"
    assert not any(stage.wallet.pending().values())


async def listed_again(stage: Stage) -> None:
    """Return when the relay that was killed knows the node once more."""
    now_ms = stage.buyer_home.now_ms
    async with Relays((stage.relays[0].url,), now_ms=now_ms) as relays, asyncio.timeout(180):
        finder = Finder(relays, now_ms=now_ms, loopback=True)
        while True:
            if (await finder.find()).providers:
                return
            await asyncio.sleep(0.2)
