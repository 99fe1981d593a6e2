"""The real thing: the node's side over a real worker in its sandbox, with little time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.control.measuring import Bench, Measuring, Progress
from desktop.domain.device import Device, DeviceKind
from desktop.domain.inference import Finish, Generation, Sampling
from desktop.proof.benchmark import BenchmarkSigner, decode, encode, verify
from desktop.worker.handle import WorkerHandle
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from tests.fakes.benchmark import FakeGauge
from tests.fakes.bundled_models import CHAT, bundled_catalogue, bundled_store

pytestmark = pytest.mark.slow

SEED = "3c" * 32
SIGNER = BenchmarkSigner(b"\x07" * 32)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerHandle]:
    folder = bundled_store().folder_of(CHAT)
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    handle = await WorkerLauncher(
        [(bundled_catalogue().entry(CHAT), folder)],
        home=tmp_path,
        runtime=Runtime.current(),
        policy=ModePolicy((SandboxMode.NAMESPACES, SandboxMode.RESTRICTED)),
        threads=1,
    ).launch()
    yield handle
    await handle.stop(5.0)


async def test_a_real_worker_is_measured_cancelled_and_works_on(worker: WorkerHandle) -> None:
    async def at_once(seconds: float) -> None:
        del seconds

    device = Device("cpu", DeviceKind.CPU, "A processor", 0, None)
    model = bundled_catalogue().entry(CHAT).model
    measuring = Measuring(
        FakeGauge(), SIGNER, version="0.1.0", now_ms=lambda: 1_800_000_000_000, sleep=at_once, budget_ms=6_000
    )
    seen: list[str] = []
    begun = asyncio.Event()

    def tell(progress: Progress) -> None:
        seen.append(progress.words)
        if progress.words.startswith("Multiplying"):
            begun.set()

    cancelled = asyncio.create_task(measuring.run(Bench(device, model, worker), SEED, tell))
    await asyncio.wait_for(begun.wait(), 90)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    # The worker ends it at its next step, and only then takes another.
    generation = Generation("job", CHAT, Sampling(max_tokens=2), text="One, two,")
    assert [piece async for piece in worker.generate(generation)][-1].__class__ is Finish

    signed = await measuring.run(Bench(device, model, worker), SEED, tell)
    report = signed.report
    # On a computer that is busy with other things the worker, which gives way, may not come to a single product.
    products = next(part for part in report.parts if part.name.startswith("multiply float32"))
    verify(decode(encode(signed)), seed=SEED if report.products else None, node=SIGNER.public_key)
    assert report.products is not None or "no time" in products.note
    assert bool(signed.openings) == (report.products is not None)
    assert report.software.torch.startswith("2.")
    assert report.software.threads == 1
    assert report.model.digest == model.digest
    names = {part.name for part in report.parts}
    assert {"read 512 tokens", "write, 1 at once", "memory, read", "energy of a token"} <= names
    assert all(part.note or part.median for part in report.parts)
    assert len(set(seen)) > 4
