"""The real worker: real sandbox, real engine, the bundled models."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from desktop.domain.errors import ModelNotFound
from desktop.domain.inference import Delta, EmbeddingBatch, Finish, FinishReason, Generation, Message, Sampling
from desktop.worker.handle import WorkerHandle
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.models.store import ModelStore
from desktop.worker.sandbox.modes import ModePolicy
from desktop.worker.sandbox.runtime import Runtime
from tests.fakes.bundled_models import CHAT, EMBEDDING, bundled_catalogue
from tests.worker.scripted_launch import BOTH

pytestmark = pytest.mark.slow


@pytest.fixture(params=BOTH)
async def worker(request: pytest.FixtureRequest, store: ModelStore, tmp_path: Path) -> AsyncIterator[WorkerHandle]:
    catalogue = bundled_catalogue()
    launcher = WorkerLauncher(
        [(catalogue.entry(model_id), store.folder_of(model_id)) for model_id in (CHAT, EMBEDDING)],
        home=tmp_path,
        runtime=Runtime.current(),
        policy=ModePolicy((request.param,)),
        threads=1,
    )
    handle = await launcher.launch()
    assert handle.mode is request.param
    yield handle
    await handle.stop(5.0)


def gravity(job_id: str, max_tokens: int) -> Generation:
    sampling = Sampling(max_tokens=max_tokens, temperature=0)
    return Generation(job_id, CHAT, sampling, (Message("user", "What is gravity?"),))


async def answer(worker: WorkerHandle, generation: Generation) -> tuple[str, Finish]:
    text = ""
    async with aclosing(worker.generate(generation)) as events:
        async for event in events:
            if isinstance(event, Finish):
                return text, event
            text += event.text
    raise AssertionError(text)


async def test_the_bundled_models_work_behind_the_closed_door(worker: WorkerHandle) -> None:
    alone, end = await answer(worker, gravity("alone", 24))
    assert "gravity" in alone.lower()
    assert end.reason is FinishReason.LENGTH
    assert end.usage.completion_tokens == 24
    together = await asyncio.gather(*(answer(worker, gravity(f"job-{n}", 24)) for n in range(4)))
    assert {text for text, _ in together} == {alone}

    batch = EmbeddingBatch("batch", EMBEDDING, ("a cat", "a kitten", "a tax return"))
    cat, kitten, tax = (await worker.embed(batch)).vectors
    assert sum(map(float.__mul__, cat, kitten)) > sum(map(float.__mul__, cat, tax))

    async with aclosing(worker.generate(gravity("left", 400))) as events:
        assert isinstance(await anext(events), Delta)
    with pytest.raises(ModelNotFound):
        await answer(worker, Generation("unknown", EMBEDDING, Sampling(max_tokens=1), text="x"))
    assert (await answer(worker, gravity("again", 24)))[0] == alone
