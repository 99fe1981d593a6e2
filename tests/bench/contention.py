"""What a worker does to a busy computer, and a busy computer to a worker: `python -m tests.bench.contention [ROUNDS]`.

The engine runs as the worker runs it, in two ways: its threads wait for each other spinning, as OpenMP does by itself,
or sleeping, as the worker is told to. Each answers alone and beside an owner's programs: one endless loop per core,
whose pace tells what was taken from them. The two ways take turns in every round; figures are medians.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

ROUNDS = 3
CROWD = 4
ANSWER_TOKENS = 8
PACE_S = 2.0
WAYS: dict[str, dict[str, str]] = {"spinning": {}, "sleeping": {"OMP_WAIT_POLICY": "PASSIVE"}}


class Round(NamedTuple):
    """One round of one way: tokens a second, seconds of processors per token, the owner's pace in percent."""

    tokens_per_s: float
    cpu_s: float
    pace: float


class Owner:
    """Programs that want every core."""

    def __init__(self) -> None:
        self._laps = [multiprocessing.Value("Q", 0) for _ in range(os.cpu_count() or 1)]
        self._stop = multiprocessing.Event()
        self._programs = [multiprocessing.Process(target=self._run, args=(laps,)) for laps in self._laps]

    @contextmanager
    def busy(self) -> Iterator[None]:
        for program in self._programs:
            program.start()
        try:
            yield
        finally:
            self._stop.set()
            for program in self._programs:
                program.join()

    @property
    def laps(self) -> int:
        return sum(laps.value for laps in self._laps)

    def _run(self, laps: multiprocessing.sharedctypes.Synchronized[int]) -> None:
        while not self._stop.is_set():
            for _ in range(20_000):
                pass
            laps.value += 1


class Worker:
    """The engine in a process of its own, with an environment of its own."""

    def __init__(self, way: dict[str, str]) -> None:
        threads = str(os.cpu_count() or 1)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.contention", "worker"],
            env={**os.environ, "OMP_NUM_THREADS": threads, **way},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear()

    def answer(self, crowd: int) -> tuple[float, float]:
        """Seconds on the wall and of processors that so many answers took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{crowd}\n")
        self._process.stdin.flush()
        wall_s, cpu_s = json.loads(self._hear())
        return wall_s, cpu_s

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def work() -> None:
    """The worker's side: how many answers, over standard input; what they took, over standard output."""
    import torch

    from desktop.worker.engine.architecture import Architecture
    from desktop.worker.engine.torch_engine import Pace, TorchEngine
    from tests.fakes.bundled_models import CHAT, bundled_store
    from tests.worker.engine.drive import finish, request

    folder = bundled_store().folder_of(CHAT)
    engine = TorchEngine.load(
        folder,
        Architecture.read(folder / "config.json", "LlamaForCausalLM"),
        context_tokens=2048,
        device=torch.device("cpu"),
        dtype=torch.float32,
        pace=Pace(slots=CROWD),
    )
    prompts = torch.randint(1000, 40_000, (CROWD, 32)).tolist()
    for crowd in itertools.chain((CROWD,), map(int, sys.stdin)):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        finish(engine, [request(str(index), prompts[index], ANSWER_TOKENS) for index in range(crowd)])
        took = time.perf_counter() - wall_s, time.process_time() - cpu_s
        sys.stdout.write(f"{json.dumps(took)}\n")
        sys.stdout.flush()


def one_round(worker: Worker, crowd: int, owner: Owner, pace: float) -> Round:
    laps, start_s = owner.laps, time.perf_counter()
    wall_s, cpu_s = worker.answer(crowd)
    kept = (owner.laps - laps) / (time.perf_counter() - start_s) / pace * 100 if pace else 100.0
    tokens = crowd * ANSWER_TOKENS
    return Round(tokens / wall_s, cpu_s / tokens, kept)


def compare(workers: dict[str, Worker], owner: Owner, pace: float, rounds: int, title: str) -> None:
    """Every way in turns, alone and in a crowd; a line for each."""
    for crowd in (1, CROWD):
        found: dict[str, list[Round]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                found[name].append(one_round(worker, crowd, owner, pace))
        for name, all_rounds in found.items():
            speed, cpu_s, kept = (statistics.median(each) for each in zip(*all_rounds, strict=True))
            owners = f"   owner's programs keep {kept:3.0f} %" if pace else ""
            say(f"{title:<16} {crowd} at once  {name:<9} {speed:7.1f} tok/s  {1e3 * cpu_s:7.1f} ms cpu/token{owners}")


def say(line: str) -> None:
    """Print at once, so that a bench that hangs shows where."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(rounds: int) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        workers = {}
        for name, way in WAYS.items():
            workers[name] = Worker(way)
            stack.callback(workers[name].close)
        owner = Owner()
        say(f"load average {os.getloadavg()[0]:.1f} before, on {os.cpu_count()} cores; {rounds} rounds")
        compare(workers, owner, 0.0, rounds, "calm")
        with owner.busy():
            time.sleep(PACE_S)
            laps, start_s = owner.laps, time.perf_counter()
            time.sleep(PACE_S)
            pace = (owner.laps - laps) / (time.perf_counter() - start_s)
            compare(workers, owner, pace, rounds, "every core busy")


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        work()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
