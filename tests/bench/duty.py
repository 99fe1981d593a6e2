"""How well a real worker keeps to its share of the time: the kernel's count of its processor time, round by round."""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import psutil

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.inference import Delta, Generation, Message, Sampling
from desktop.machine.paths import Paths
from desktop.worker.handle import WorkerHandle
from tests.fakes.bundled_models import CHAT

SHARES = (0.25, 0.5, 0.75)
ROUNDS = 4
ROUND_S = 3.0
SETTLE_S = 0.5


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder)))
    return 0


async def _measure(folder: Path) -> None:
    paths = Paths.below(folder)
    paths.create()
    home = Composition(paths, Settings(cpu_threads=1), use_keyring=False)
    policy = home.mode_policy(unsandboxed=False)
    folders = await home.equipment.preparation(policy, lambda _: None).folders([CHAT])
    worker = await home.launcher(folders, policy).launch()
    gaps_s: list[float] = []
    answering = asyncio.create_task(_answer(worker, gaps_s))
    try:
        sys.stdout.write("asked for | processor time per second: median (range) | share of full | longest gap\n")
        full = await _rounds(worker, 1.0)
        _say("always", full, statistics.median(full), gaps_s)
        for share in SHARES:
            gaps_s.clear()
            taken = await _rounds(worker, share)
            _say(f"{share:.2f}", taken, statistics.median(full), gaps_s)
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await worker.stop(1.0)


async def _rounds(worker: WorkerHandle, share: float) -> list[float]:
    worker.set_duty(share)
    await asyncio.sleep(SETTLE_S)
    return [await _round(worker) for _ in range(ROUNDS)]


async def _round(worker: WorkerHandle) -> float:
    began_s, before_s = time.monotonic(), _cpu_s(worker)
    await asyncio.sleep(ROUND_S)
    return (_cpu_s(worker) - before_s) / (time.monotonic() - began_s)


def _cpu_s(worker: WorkerHandle) -> float:
    times = psutil.Process(worker.pids[-1]).cpu_times()
    return times.user + times.system


async def _answer(worker: WorkerHandle, gaps_s: list[float]) -> None:
    for number in range(1000):
        request = Generation(
            f"job-{number}", CHAT, Sampling(temperature=1.0, seed=number), (Message("user", "Tell me a long story."),)
        )
        last_s = time.monotonic()
        async with aclosing(worker.generate(request)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    gaps_s.append(time.monotonic() - last_s)
                    last_s = time.monotonic()


def _say(name: str, taken: list[float], full: float, gaps_s: list[float]) -> None:
    median = statistics.median(taken)
    sys.stdout.write(
        f"{name:>9} | {median:.3f} ({min(taken):.3f} to {max(taken):.3f}) | {median / full if full else 0:.3f}"
        f" | {max(gaps_s, default=0) * 1000:.0f} ms\n"
    )


if __name__ == "__main__":
    sys.exit(main())
