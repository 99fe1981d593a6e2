"""What a working worker takes from its owner's programs: `python -m tests.bench.priority [ROUNDS]`.

The owner runs one endless loop per core, and a program that sleeps five milliseconds at a time and sees how late it is
woken. Beside them a worker answers without pause: as the system starts it, merely nice, and as Hearth starts it. The
three take turns in every round, each between two turns without any worker; figures are medians over the rounds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from desktop.worker.sandbox.priority import LOWEST, give_way
from tests.bench.contention import CROWD, Owner, say

ROUNDS = 7
TURN_S = 1.0
NAP_S = 0.005


def be_nice(pid: int) -> None:
    """What is usually done: the lowest niceness for every thread."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(task.name), LOWEST)


WAYS: dict[str, Callable[[int], object]] = {
    "as started": lambda _: None,
    "nice 19": be_nice,
    "as Hearth": lambda pid: give_way([pid]),
}


class Turn(NamedTuple):
    """One turn: the owner's laps a second, how late the napping program was (p99, ms), the worker's processor time."""

    pace: float
    late_ms: float
    worker_share: float


class Worker:
    """The engine in a session of its own, as the node starts it; stopped whenever it is not its turn."""

    def __init__(self, way: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.priority", "worker"],
            env={**os.environ, "OMP_NUM_THREADS": str(os.cpu_count() or 1), "OMP_WAIT_POLICY": "PASSIVE"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        WAYS[way](self._process.pid)

    def go_on(self, on: bool) -> None:  # noqa: FBT001 - on and off
        """Answer, or rest."""
        assert self._process.stdin is not None
        self._process.stdin.write("on\n" if on else "off\n")
        self._process.stdin.flush()

    @property
    def cpu_s(self) -> float:
        """Processor time so far."""
        import psutil

        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def work() -> None:
    """The worker's side: answers from `on` to `off`."""
    import threading

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
    prompt = torch.randint(1000, 40_000, (32,)).tolist()
    on = threading.Event()

    def hear() -> None:
        for line in sys.stdin:
            (on.set if line == "on\n" else on.clear)()

    threading.Thread(target=hear, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while on.wait():
        finish(engine, [request("one", prompt, 2)])


def turn(owner: Owner, worker: Worker | None) -> Turn:
    """The owner's programs for a while, beside that worker or none."""
    if worker is not None:
        worker.go_on(on=True)
    time.sleep(0.3)
    laps, cpu_s, start_s, late = owner.laps, worker.cpu_s if worker else 0.0, time.perf_counter(), []
    while (now_s := time.perf_counter()) - start_s < TURN_S:
        time.sleep(NAP_S)
        late.append(1e3 * (time.perf_counter() - now_s - NAP_S))
    took_s = time.perf_counter() - start_s
    done = Turn(
        (owner.laps - laps) / took_s,
        statistics.quantiles(late, n=100)[98],
        ((worker.cpu_s - cpu_s) if worker else 0.0) / took_s,
    )
    if worker is not None:
        worker.go_on(on=False)
    return done


def main(rounds: int) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        workers = {}
        for way in WAYS:
            workers[way] = Worker(way)
            stack.callback(workers[way].close)
        cores = os.cpu_count() or 1
        say(f"load average {os.getloadavg()[0]:.1f} before, on {cores} cores; {rounds} rounds of {TURN_S:g} s")
        owner = Owner()
        stack.enter_context(owner.busy())
        found: dict[str, list[tuple[Turn, Turn, Turn]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, worker in workers.items():
                # Between two turns alone, so that what else this computer does weighs on both sides.
                found[way].append((turn(owner, None), turn(owner, worker), turn(owner, None)))
        for way, turns in found.items():
            kept = statistics.median(2 * beside.pace / (before.pace + after.pace) for before, beside, after in turns)
            late_alone = statistics.median(before.late_ms for before, _, _ in turns)
            late = statistics.median(beside.late_ms for _, beside, _ in turns)
            share = statistics.median(beside.worker_share for _, beside, _ in turns) / cores
            say(
                f"worker {way:<11} owner's programs keep {100 * kept:5.1f} %   woken late by {late:6.2f} ms"
                f" (p99; alone {late_alone:.2f})   worker gets {100 * share:4.1f} % of the processor"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
