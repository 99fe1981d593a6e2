"""The loop's share of the time by the clock, with an engine that only burns; a real one: tests/bench/duty.py."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.domain.benchmark import BenchmarkOrder
from desktop.domain.inference import Delta, EmbeddingBatch, Generation, Message, Sampling
from desktop.worker.messages import Duty, Generate, Stop, encode
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.process import Event, _Conversation, _Loop

STEP_S = 0.02
ROUND_S = 1.5


@dataclass
class Burning:
    """Every step takes the processor for a while; `steps` says when each began and ended."""

    steps: list[tuple[float, float]] = field(default_factory=list)
    short: bool = False
    job_id: str = ""

    def load(self, entry: CatalogueEntry, folder: Path) -> None:
        """Nothing to load."""

    def self_check(self) -> None:
        """It burns, that is all."""

    def submit(self, generation: Generation) -> None:
        self.job_id = generation.job_id

    def submit_embedding(self, batch: EmbeddingBatch) -> None:
        raise NotImplementedError

    def measure(self, order: BenchmarkOrder) -> None:
        self.job_id = order.job_id

    def cancel(self, job_id: str) -> None:
        raise NotImplementedError

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - the engine's own name
        self.short = short

    def step(self) -> list[tuple[str, Event]]:
        began_s, burnt_s = time.monotonic(), time.thread_time()
        while time.thread_time() - burnt_s < STEP_S:
            sum(range(100))
        self.steps.append((began_s, time.monotonic()))
        return [(self.job_id, Delta("w ", 1))]

    @property
    def idle(self) -> bool:
        return not self.job_id

    def stats(self) -> Mapping[str, object]:
        return {}

    def share_since(self, began_s: float) -> float:
        """The part of the time from then to the end of the last step that was spent in steps."""
        steps = [(start, end) for start, end in self.steps if start >= began_s]
        return sum(end - start for start, end in steps) / (steps[-1][1] - began_s)


@dataclass
class Running:
    """A loop at work in a thread, and the node's end of its channel."""

    burning: Burning
    node: socket.socket

    def say(self, word: Duty | Generate | Stop) -> None:
        self.node.sendall(encode(word))


@pytest.fixture
def running() -> Iterator[Running]:
    node, worker = socket.socketpair()
    burning = Burning()
    loop = threading.Thread(target=_Loop(_Conversation(worker, 30.0), burning).run)
    # Somebody has to read, or the loop would wait for room.
    reader = threading.Thread(target=lambda: [None for _ in iter(lambda: node.recv(1 << 16), b"")])
    with worker:
        loop.start()
        reader.start()
        made = Running(burning, node)
        sampling = Sampling(max_tokens=1)
        made.say(Generate.of(Generation("job", "model", sampling, (Message("user", "Burn."),))))
        yield made
        made.say(Stop())
        loop.join(30)
    reader.join(30)
    node.close()
    assert not loop.is_alive()


def wait_for(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_worker_computes_for_its_share_of_the_time(running: Running, share: float) -> None:
    running.say(Duty(share))
    wait_for(lambda: running.burning.short)
    began_s = time.monotonic()

    wait_for(lambda: time.monotonic() - began_s > ROUND_S and len(running.burning.steps) > 20)

    # What other programs take of the processor lengthens the steps and, with them, the rests.
    assert share - 0.12 < running.burning.share_since(began_s) < share + 0.06


def test_without_a_word_about_it_a_worker_computes_always_and_again_when_it_may(running: Running) -> None:
    wait_for(lambda: len(running.burning.steps) > 5)
    assert not running.burning.short
    running.say(Duty(0.05))
    wait_for(lambda: running.burning.short)

    running.say(Duty(1.0))  # heard in the middle of a rest

    wait_for(lambda: not running.burning.short)
    began_s = time.monotonic()
    wait_for(lambda: len([1 for start, _ in running.burning.steps if start >= began_s]) > 20)
    assert running.burning.share_since(began_s) > 0.8


def test_rests_are_short_where_steps_are(running: Running) -> None:
    running.say(Duty(0.5))
    wait_for(lambda: running.burning.short)
    seen = len(running.burning.steps)

    wait_for(lambda: len(running.burning.steps) > seen + 20)

    steps = running.burning.steps[seen:]
    rests_s = sorted(after[0] - before[1] for before, after in itertools.pairwise(steps))
    assert rests_s[len(rests_s) // 2] < 0.25
