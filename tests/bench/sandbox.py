"""What the sandbox costs: `python -m tests.bench.sandbox [ROUNDS]`.

Two real workers with the bundled chat model and one thread, one shut in and one that is a plain process, answer the
same request in turns, so that a busy machine disturbs both alike. Two plain workers beside each other were seen to
differ by up to five percent for as long as they lived, so several pairs are started one after the other, and those of
a kind are told beside each other. Ratios are medians taken round by round, for the clock on the wall and for the
processor time of the worker, and once more between the quickest round of each, which other work disturbed least. The
target is 97 % of the plain worker's pace by the best of the three, since disturbance can only hide it. Trying the
sandbox is timed as well. The last line is JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Final, NamedTuple

from desktop.domain.inference import Finish, Generation, Message, Sampling
from desktop.worker import process
from desktop.worker.handle import WorkerHandle
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.sandbox.cell import Cell, Start
from desktop.worker.sandbox.check import bait
from desktop.worker.sandbox.layout import in_place
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.line import Line, Order
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.sandbox.threshold import Errand, Threshold
from tests.fakes.bundled_models import CHAT, bundled_catalogue, bundled_store

TOKENS: Final = 48
LIVES: Final = 5
TARGET: Final = 0.97


class Spent(NamedTuple):
    """What an answer took: seconds on the wall, seconds of the worker's processor."""

    wall_s: float
    cpu_s: float


class Pair(NamedTuple):
    """What the same answer took the two, in one round."""

    shut_in: Spent
    plain: Spent


async def main(rounds: int) -> int:
    """Measure, print a line for people and one for programs; 0 if the target was met."""
    store, entry = bundled_store(), bundled_catalogue().entry(CHAT)
    folder = store.folder_of(CHAT)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    with tempfile.TemporaryDirectory() as name:
        launcher = WorkerLauncher([(entry, folder)], home=Path(name), runtime=Runtime.current(), threads=1)
        trials = []
        for _ in range(5):
            started = time.perf_counter()
            await launcher.inspect(compute=False)
            trials.append(time.perf_counter() - started)
        lives = []
        for _ in range(LIVES):
            shut_in, plain = await launcher.launch(), await plain_worker()
            with bait(Path(name)) as targets:
                await plain.begin([(entry, folder)], targets.targets)
            lives.append(await in_turns(shut_in, plain, rounds))
            mode = shut_in.mode
            await asyncio.gather(shut_in.stop(5), plain.stop(5))
    pairs = [pair for life in lives for pair in life]
    wall = statistics.median(pair.plain.wall_s / pair.shut_in.wall_s for pair in pairs)
    cpu = statistics.median(pair.plain.cpu_s / pair.shut_in.cpu_s for pair in pairs)
    least = min(pair.plain.cpu_s for pair in pairs) / min(pair.shut_in.cpu_s for pair in pairs)
    pace = TOKENS / statistics.median(pair.shut_in.wall_s for pair in pairs)
    trial_ms = statistics.median(trials) * 1000
    figures = {"wall_ratio": wall, "cpu_ratio": cpu, "least_ratio": least, "tokens_per_s": pace, "trial_ms": trial_ms}
    report = (
        f"sandbox `{mode.value}`: {pace:.1f} tok/s, {wall:.1%} of a plain process by the clock, {cpu:.1%} by processor "
        f"time, {least:.1%} by the quickest rounds; trying the sandbox before a start takes {trial_ms:.0f} ms\n"
        f"seconds of processor an answer, worker by worker: shut in {each_took(lives, 0)}; plain {each_took(lives, 1)}"
    )
    print(report)  # noqa: T201 - a report
    print(json.dumps({"rounds": rounds} | {name: round(value, 4) for name, value in figures.items()}))  # noqa: T201 - same
    return 0 if max(wall, cpu, least) >= TARGET else 1


async def in_turns(shut_in: WorkerHandle, plain: WorkerHandle, rounds: int) -> list[Pair]:
    """Both answer, round by round; who goes first changes, and one round before the first warms up."""
    pairs = []
    for turn in range(-1, rounds):
        if turn % 2:
            free = await answer(plain)
            pair = Pair(await answer(shut_in), free)
        else:
            pair = Pair(await answer(shut_in), await answer(plain))
        if turn >= 0:
            pairs.append(pair)
    return pairs


def each_took(lives: list[list[Pair]], side: int) -> str:
    """What an answer took each worker of one kind, in the middle."""
    return ", ".join(f"{statistics.median(pair[side].cpu_s for pair in life):.2f}" for life in lives)


async def plain_worker() -> WorkerHandle:
    """The same worker as an ordinary child of this process, under no restriction at all."""
    ours, theirs = socket.socketpair()
    with theirs:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.sandbox", "plain", str(theirs.fileno())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            pass_fds=(theirs.fileno(),),
        )
    ours.settimeout(0)
    runtime = Runtime.current()
    line = Line([], {}, (), os.geteuid(), in_place(runtime, readable=(), writable=()))
    return WorkerHandle(Cell(child, line, Start(Order("", limits=Limits()), SandboxMode.NONE, runtime), ours))


def be_plain_worker(channel: int) -> int:
    """The other end of `plain_worker`."""
    errand = Errand("", SandboxMode.NONE, channel, (), {}, (), (), (), (), Limits(), 0, graphics=False)
    return process.main(Threshold(errand))


async def answer(worker: WorkerHandle) -> Spent:
    """Have the request answered."""
    sampling = Sampling(max_tokens=TOKENS, temperature=0)
    generation = Generation("bench", CHAT, sampling, (Message("user", "Tell a long story about a cat."),))
    before, started = processor_s(worker.pids[-1]), time.perf_counter()
    async with aclosing(worker.generate(generation)) as events:
        async for event in events:
            if isinstance(event, Finish):
                assert event.usage.completion_tokens == TOKENS
    return Spent(time.perf_counter() - started, processor_s(worker.pids[-1]) - before)


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1:2] == ["plain"]:
        sys.exit(be_plain_worker(int(sys.argv[2])))
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
