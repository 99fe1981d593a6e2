"""A real worker process in its sandbox, with a scripted engine: everything between node and engine."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from desktop.domain.benchmark import BenchmarkOrder
from desktop.domain.errors import (
    ContextOverflow,
    HearthError,
    ModelNotFound,
    RequestError,
    WorkerDied,
    WorkerError,
)
from desktop.domain.inference import Delta, Finish, FinishReason, Generation, Message, Sampling
from desktop.domain.pricing import Usage
from desktop.worker.handle import WorkerHandle
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import SandboxMode
from tests.fakes.patience import until
from tests.worker.scripted import SECRET
from tests.worker.scripted_launch import chat, scripted_launcher, texts

LIMITS = Limits(memory_bytes=200 << 20, silence_s=2.0, log_bytes=1 << 20)


@pytest.fixture(params=[SandboxMode.NAMESPACES, SandboxMode.RESTRICTED])
async def worker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkerHandle]:
    handle = await scripted_launcher(tmp_path, modes=(request.param,), limits=LIMITS).launch()
    yield handle
    await handle.stop(1.0)


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[WorkerHandle]:
    """A worker in whichever mode is best here."""
    handle = await scripted_launcher(tmp_path, limits=LIMITS).launch()
    yield handle
    await handle.stop(1.0)


async def answer(worker: WorkerHandle, order: str, job_id: str = "job") -> tuple[str, Finish | None]:
    text, end = "", None
    async with aclosing(worker.generate(chat(order, job_id=job_id))) as events:
        async for event in events:
            if isinstance(event, Delta):
                text += event.text
            else:
                end = event
    return text, end


async def test_answers_come_in_pieces_and_end_with_the_usage(worker: WorkerHandle) -> None:
    text, end = await answer(worker, "count 5")
    assert text == "w0 w1 w2 w3 w4 "
    assert end == Finish(FinishReason.STOP, Usage(3, 5))


async def test_many_jobs_at_once_do_not_mix(worker: WorkerHandle) -> None:
    lengths = [3, 17, 40, 1, 25, 8, 33, 12]
    answers = await asyncio.gather(*(answer(worker, f"count {n}", f"job-{n}") for n in lengths))
    for length, (text, end) in zip(lengths, answers, strict=True):
        assert text == "".join(f"w{i} " for i in range(length))
        assert end == Finish(FinishReason.STOP, Usage(3, length))


async def test_vectors_come_in_order_however_many_frames_they_take(one: WorkerHandle) -> None:
    result = await one.embed(texts(*(f"text {i}" for i in range(1000))))
    assert len(result.vectors) == 1000
    assert result.vectors[999][:2] == pytest.approx((0.6, -0.8))
    assert result.usage == Usage(1000, 0)


async def test_a_slow_reader_gets_longer_pieces_and_loses_nothing(one: WorkerHandle) -> None:
    pieces = []
    async with aclosing(one.generate(chat("count 60"))) as events:
        async for event in events:
            pieces.append(event)
            if len(pieces) == 1:  # it writes to both in turns: when the longer one has ended, so has this
                await answer(one, "count 80", "other")
    deltas = [piece for piece in pieces if isinstance(piece, Delta)]
    assert "".join(delta.text for delta in deltas) == "".join(f"w{i} " for i in range(60))
    assert sum(delta.tokens for delta in deltas) == 60
    assert max(delta.tokens for delta in deltas) > 20


async def test_cancel_brings_the_finish_of_what_was_written(one: WorkerHandle) -> None:
    events = [event async for event in _cancelled_after(one, 5)]
    written = sum(event.tokens for event in events if isinstance(event, Delta))
    assert isinstance(events[-1], Finish)
    assert events[-1].reason is FinishReason.CANCELLED
    assert 5 <= written <= events[-1].usage.completion_tokens < 90


async def _cancelled_after(worker: WorkerHandle, pieces: int) -> AsyncIterator[Delta | Finish]:
    seen = 0
    async with aclosing(worker.generate(chat("endless", max_tokens=10_000))) as events:
        async for event in events:
            seen += 1
            if seen == pieces:
                await worker.cancel("job")
            yield event


async def test_leaving_the_iterator_cancels(one: WorkerHandle) -> None:
    async with aclosing(one.generate(chat("endless"))) as events:
        await anext(events)
    await _until(lambda: not one._jobs)
    assert (await answer(one, "count 2"))[0] == "w0 w1 "


async def test_a_cancelled_batch_ends_its_task_and_nothing_else(one: WorkerHandle) -> None:
    batch = asyncio.create_task(one.embed(texts("never")))
    await asyncio.sleep(0.05)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert (await answer(one, "count 2"))[0] == "w0 w1 "


@pytest.mark.parametrize(
    ("order", "error", "parameter"),
    [("overflow", ContextOverflow, "messages"), ("unknown", ModelNotFound, "model")],
)
async def test_a_refusal_keeps_its_type_and_words(
    one: WorkerHandle, order: str, error: type[RequestError], parameter: str
) -> None:
    with pytest.raises(error) as caught:
        await answer(one, order)
    assert caught.value.parameter == parameter
    assert (await answer(one, "count 2"))[0] == "w0 w1 "


async def test_a_bug_met_by_one_request_fails_that_one_and_keeps_its_prompt_to_itself(one: WorkerHandle) -> None:
    with pytest.raises(WorkerError) as caught:
        await answer(one, "bug")
    assert "ValueError at scripted.py" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert (await answer(one, "count 2"))[0] == "w0 w1 "


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=0),
        Sampling(max_tokens=1 << 40),
        Sampling(temperature=float("nan")),
        Sampling(top_p=2.0),
        Sampling(seed=1 << 63),
        Sampling(stop=("",)),
    ],
    ids=str,
)
async def test_numbers_that_would_break_the_frame_rules_never_reach_the_worker(
    one: WorkerHandle, sampling: Sampling
) -> None:
    with pytest.raises(RequestError):
        await anext(one.generate(Generation("job", "scripted", sampling, (Message("user", "count 1"),))))
    assert (await answer(one, "count 2"))[0] == "w0 w1 "


async def test_a_prompt_over_the_frame_cap_is_refused_and_one_of_the_largest_body_is_not(one: WorkerHandle) -> None:
    with pytest.raises(RequestError):
        await answer(one, "count 1 " + "x" * (1 << 20))
    # Characters that JSON must escape, as many as an API body of 512 KiB can hold.
    text, _ = await answer(one, "count" + "\n" * (256 << 10) + "2")
    assert text == "w0 w1 "


async def test_two_jobs_of_one_id_are_refused(one: WorkerHandle) -> None:
    async with aclosing(one.generate(chat("endless"))) as events:
        await anext(events)
        with pytest.raises(RequestError):
            await anext(one.generate(chat("count 1")))


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("garbage", "rules"),
        ("huge", "rules"),
        ("raw", "rules"),
        ("stranger", "rules"),
        ("lie", "count of tokens"),
        ("verbose", "more text"),
        ("vectors", "another kind"),
        ("json {}", "rules"),
        ('json {"word":"piece","job_id":"job","text":"x","tokens":NaN}', "rules"),
        ('json {"word":"piece","job_id":"job","text":"x","tokens":1,"more":1}', "rules"),
        ("json " + "[" * 100_000, "rules"),
        ("exit 9", "status 9"),
        ("abort", "SIGABRT"),
        ("fail", "ValueError at scripted.py"),
        ("eat", "MemoryError"),
        ("share", "MiB of memory"),
        ("print x", "printed"),
        ("hang", "sign of life"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_worker_gone_bad_is_ended_with_the_reason(one: WorkerHandle, order: str, reason: str) -> None:
    bystander = asyncio.create_task(answer(one, "endless", "bystander"))
    with pytest.raises(WorkerDied) as caught:
        await answer(one, order)
    assert reason in str(caught.value)
    assert SECRET not in str(caught.value)
    with pytest.raises(WorkerDied):
        await bystander
    assert reason in await one.wait_closed()
    assert one.pids == []
    with pytest.raises(WorkerDied):
        await answer(one, "count 1")


@pytest.mark.parametrize("junk", [b"\x00\x00\x00\x02\x01{}", b"\x00\x00\x00\x01\x02x", b"\xff" * 50], ids=repr)
async def test_the_worker_ends_at_a_bad_frame_too(one: WorkerHandle, junk: bytes) -> None:
    one._channel.post(junk)
    with pytest.raises(WorkerDied):
        await answer(one, "endless")
    assert "status 3" in await one.wait_closed()


@pytest.mark.parametrize("first", ["short", "long vector", "nan"])
async def test_wrong_vectors_end_the_worker(one: WorkerHandle, first: str) -> None:
    with pytest.raises(WorkerDied):
        await one.embed(texts(first, "b"))


async def test_what_it_prints_about_a_prompt_is_not_kept(one: WorkerHandle) -> None:
    with pytest.raises(WorkerDied) as caught:
        await answer(one, f"print {SECRET}")
    assert SECRET not in str(caught.value)
    assert SECRET not in one._cell.log


async def test_killed_at_random_instants_every_job_hears_of_it(tmp_path: Path) -> None:
    launcher = scripted_launcher(tmp_path, limits=LIMITS)
    chance = random.Random(7)
    for _ in range(8):
        worker = await launcher.launch()
        jobs = [asyncio.create_task(answer(worker, "endless", f"job-{n}")) for n in range(4)]
        await asyncio.sleep(chance.uniform(0.0, 0.05))
        os.kill(worker.pids[-1], signal.SIGKILL)
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            assert isinstance(result, WorkerDied)
        assert "SIGKILL" in await worker.wait_closed()


async def test_stop_is_quick_and_final(worker: WorkerHandle) -> None:
    running = asyncio.create_task(answer(worker, "endless"))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await worker.stop(1.0)
    assert time.monotonic() - started < 15
    with pytest.raises(HearthError):
        await running
    assert worker.pids == []


async def test_a_hanging_worker_is_stopped_by_force(one: WorkerHandle) -> None:
    hanging = asyncio.create_task(answer(one, "hang"))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await one.stop(0.2)
    assert time.monotonic() - started < 15
    with pytest.raises(WorkerDied):
        await hanging


async def test_stats_are_at_most_a_second_old(one: WorkerHandle) -> None:
    async with aclosing(one.generate(chat("endless", max_tokens=10_000))) as events:
        await anext(events)
        async with asyncio.timeout(30):
            async for _ in events:
                if one.stats and one.stats["scripted"].running == 1:
                    break
    await _until(lambda: one.peak_memory_bytes > 1 << 20)


async def _until(condition: object, within_s: float = 30.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def an_order(seed: str) -> BenchmarkOrder:
    return BenchmarkOrder("bench", "scripted", seed + "ff" * 31, 1000, 0)


async def test_a_benchmark_is_told_event_by_event(one: WorkerHandle) -> None:
    events = [event async for event in one.measure(an_order("ff"))]
    assert [type(event).__name__ for event in events] == ["Phase", "Part", "Closing"]
    assert (await answer(one, "count 1"))[1] is not None


@pytest.mark.parametrize(("seed", "words"), [("00", "busy"), ("01", "differently twice")])
async def test_a_benchmark_that_fails_says_why_and_the_worker_goes_on(one: WorkerHandle, seed: str, words: str) -> None:
    with pytest.raises(WorkerError, match=words):
        _ = [event async for event in one.measure(an_order(seed))]
    assert (await answer(one, "count 1"))[1] is not None


async def test_a_worker_that_tells_more_than_there_can_be_is_ended(one: WorkerHandle) -> None:
    with pytest.raises(WorkerDied):
        _ = [event async for event in one.measure(an_order("02"))]


async def test_leaving_a_benchmark_ends_it(one: WorkerHandle) -> None:
    task = asyncio.create_task(anext(one.measure(an_order("03"))))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: not one._jobs)
    assert (await answer(one, "count 1"))[1] is not None
