import asyncio

import pytest

from desktop.domain.errors import Unavailable, WorkerDied
from desktop.domain.inference import Delta, Finish, FinishReason, Message, Sampling
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.network.api.desk import Order, Settlement
from desktop.node.admission import Admission
from desktop.node.job import NodeJob
from tests.fakes.computer import OneWorker
from tests.fakes.patience import until
from tests.fakes.worker import FakeWorker

OFFER = Offer(
    Model("tiny", "Tiny", ModelKind.CHAT, 1000, 2048, 1024, "float32", "Apache-2.0", "00"),
    Price(10_000_000, 50_000_000, 1000),
)


class Closing:
    """Remembers how often and with what a job was closed."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, job: Job) -> Settlement:
        self.jobs.append(job)
        return Settlement(job.usage, job.charged, None)


class Room:
    """One worker, its seats, and the tickets for them."""

    def __init__(self, worker: FakeWorker, *, queue: int = 0) -> None:
        self.worker = worker
        self.seats = OneWorker(worker, slots=1)
        self.admission = Admission(slots=lambda: 1, queue=queue)


def open_job(room: Room, closing: Closing, *, texts: tuple[str, ...] = (), held_sat: int = 100) -> NodeJob:
    kind = JobKind.EMBEDDING if texts else JobKind.CHAT
    sampling = None if texts else Sampling(max_tokens=9)
    messages = () if texts else (Message("user", "Hi"),)
    order = Order(kind, "tiny", sampling=sampling, messages=messages, texts=texts)
    job = Job("j1", kind, "tiny", Payment.TOKEN, "token-1", Money.from_sat(held_sat), JobState.ACCEPTED, 5)
    return NodeJob(
        job,
        order=order,
        offer=OFFER,
        seats=room.seats,
        ticket=room.admission.enter(),
        close=closing,
        now_ms=lambda: 6,
    )


async def test_an_answer_streams_and_is_charged_at_the_price() -> None:
    closing, room = Closing(), Room(FakeWorker())
    job = open_job(room, closing)
    pieces = [piece async for piece in job.answer()]
    assert pieces == [Delta("Hello", 1), Delta(" there", 1), Finish(FinishReason.STOP, Usage(7, 2))]
    settlement = await job.settle()
    assert settlement.charged == Money(7 * 10 + 2 * 50 + 1) + Money(999)
    assert closing.jobs[0].state is JobState.COMPLETED
    assert closing.jobs[0].first_token_at_ms == 6
    assert room.admission.inside == 0


async def test_settling_twice_closes_once() -> None:
    closing = Closing()
    job = open_job(Room(FakeWorker()), closing)
    first, second = await asyncio.gather(job.settle(), job.settle())
    assert first is second
    assert len(closing.jobs) == 1


async def test_cancelled_half_way_charges_what_was_generated() -> None:
    worker, closing = FakeWorker(("a", "b", "c"), gated=True), Closing()
    job = open_job(Room(worker), closing)
    assert worker.permits is not None
    worker.permits.release()
    answer = job.answer()
    assert await anext(answer) == Delta("a", 1)
    settlement = await job.settle()
    assert closing.jobs[0].state is JobState.CANCELLED
    assert settlement.usage == Usage(7, 1)
    assert settlement.charged == OFFER.price.cost(Usage(7, 1))


async def test_a_job_cancelled_before_its_turn_costs_nothing_and_frees_its_place() -> None:
    room, closing = Room(FakeWorker(gated=True), queue=1), Closing()
    running = open_job(room, Closing())
    waiting = open_job(room, closing)
    await asyncio.sleep(0)
    settlement = await waiting.settle()
    assert settlement.charged == Money()
    assert closing.jobs[0].state is JobState.CANCELLED
    assert room.admission.inside == 1
    await running.settle()


async def test_a_worker_too_slow_to_stop_charges_what_was_seen_to_leave() -> None:
    class Stubborn(FakeWorker):
        async def cancel(self, job_id: str) -> None:
            """Hears nothing."""

    worker, closing = Stubborn(("a", "b", "c"), gated=True), Closing()
    job = open_job(Room(worker), closing)
    assert worker.permits is not None
    worker.permits.release()
    assert await anext(job.answer()) == Delta("a", 1)
    settlement = await job.settle()
    assert closing.jobs[0].state is JobState.CANCELLED
    assert settlement.usage == Usage(0, 1)


async def test_a_dead_worker_fails_the_job_and_nothing_is_charged() -> None:
    worker, closing = FakeWorker(gated=True), Closing()
    job = open_job(Room(worker), closing)
    worker.die("out of memory")
    with pytest.raises(WorkerDied):
        _ = [piece async for piece in job.answer()]
    settlement = await job.settle()
    assert settlement.charged == Money()
    assert closing.jobs[0].state is JobState.FAILED


async def test_embeddings_come_whole_and_are_charged_for_their_prompt() -> None:
    closing = Closing()
    job = open_job(Room(FakeWorker()), closing, texts=("one", "two"))
    assert len((await job.vectors()).vectors) == 2
    assert (await job.settle()).charged == OFFER.price.cost(Usage(6, 0))


async def test_a_charge_never_exceeds_the_hold() -> None:
    closing = Closing()
    job = open_job(Room(FakeWorker(("x",) * 9)), closing, held_sat=1)
    settlement = await job.settle()
    assert settlement.charged <= Money.from_sat(1)


async def test_an_owner_who_comes_back_leaves_the_buyer_what_was_written_and_its_bill() -> None:
    worker, closing = FakeWorker(("a", "b", "c"), gated=True), Closing()
    job = open_job(Room(worker), closing)
    assert worker.permits is not None
    worker.permits.release()
    answer = job.answer()
    assert await anext(answer) == Delta("a", 1)
    await job.interrupt("owner active", 5)
    assert [piece async for piece in answer] == [Finish(FinishReason.CANCELLED, Usage(7, 1))]
    settlement = await job.settle()
    assert settlement.charged == OFFER.price.cost(Usage(7, 1))
    assert (closing.jobs[0].state, closing.jobs[0].reason) == (JobState.CANCELLED, "owner active")


async def test_a_worker_that_does_not_stop_in_time_is_not_waited_for() -> None:
    class Stubborn(FakeWorker):
        async def cancel(self, job_id: str) -> None:
            """Hears nothing."""

    worker, closing = Stubborn(("a", "b", "c"), gated=True), Closing()
    job = open_job(Room(worker), closing)
    assert worker.permits is not None
    worker.permits.release()
    answer = job.answer()
    assert await anext(answer) == Delta("a", 1)
    await job.interrupt("owner active", 0.01)
    assert [piece async for piece in answer] == [Finish(FinishReason.CANCELLED, Usage(0, 1))]
    assert (await job.settle()).charged == OFFER.price.cost(Usage(0, 1))


@pytest.mark.parametrize("hears", [True, False])
async def test_a_buyer_without_a_token_pays_nothing_and_is_sent_on(*, hears: bool) -> None:
    class Reading(FakeWorker):
        async def cancel(self, job_id: str) -> None:
            if hears:
                await super().cancel(job_id)

    worker, closing = Reading(gated=True), Closing()
    room = Room(worker, queue=1)
    running, waiting = open_job(room, closing), open_job(room, closing)
    await until(lambda: bool(worker.at_work))
    for job in (waiting, running):
        await job.interrupt("owner active", 0.01)
        with pytest.raises(Unavailable, match="needed by its owner"):
            _ = [piece async for piece in job.answer()]
        assert (await job.settle()).charged == Money()
    assert room.admission.inside == 0
