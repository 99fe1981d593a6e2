"""A worker without a model: real process, real sandbox, real loop, and an engine that does what a prompt tells it.

The first word of the prompt is what to do; see `ScriptedServing.submit`.
"""

import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder, Closing, Part, Phase, Unit
from desktop.domain.errors import ContextOverflow, ModelCorrupt, ModelNotFound, WorkerError
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, FinishReason, Generation
from desktop.domain.pricing import Usage
from desktop.worker import process
from desktop.worker.messages import Done, Piece, Vectors, encode
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.process import Event
from desktop.worker.sandbox.threshold import Threshold

SECRET = "the prompt nobody may see"  # noqa: S105 - stands for a prompt
_STEP_S = 0.002


@dataclass(frozen=True)
class Numbers:
    """What a real engine counts."""

    slots: int
    running: int
    waiting: int = 0
    steps: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_bytes: int = 0


@dataclass
class _Job:
    generation: Generation
    written: int = 0

    @property
    def order(self) -> list[str]:
        return self.generation.messages[0].content.split()


class ScriptedServing:
    """Obeys the prompt. Answers are `w0 w1 w2 …`, one token and one step each."""

    def __init__(self, channel: socket.socket, device: str = "cpu", memory_bytes: int | None = None) -> None:
        self._channel = channel
        self._given = {"device": device, "memory": memory_bytes}
        self._jobs: dict[str, _Job] = {}
        self._ready: list[tuple[str, Event]] = []
        self._measured = ""

    def load(self, entry: CatalogueEntry, folder: Path) -> None:
        match (folder / "behaviour").read_text(encoding="utf-8").strip():
            case "corrupt":
                raise ModelCorrupt(f"The model {entry.id} is not usable.")
            case "slow":
                time.sleep(60)
            case "die":
                sys.stderr.write("a last cry\n")
                os._exit(7)
            case "odd":
                raise ValueError(SECRET)

    def submit(self, generation: Generation) -> None:
        job = _Job(generation)
        match job.order[0]:
            case "overflow":
                raise ContextOverflow("Too long.", parameter="messages", why="It is.", now="Shorten it.")
            case "unknown":
                raise ModelNotFound("No such model.", parameter="model")
            case "bug":
                raise ValueError(SECRET)
        self._jobs[generation.job_id] = job

    def measure(self, order: BenchmarkOrder) -> None:
        events: list[BenchmarkEvent | WorkerError]
        match order.seed[:2]:
            case "00":
                raise WorkerError("The worker is busy.")
            case "01":
                events = [WorkerError("The device computes the same product differently twice.")]
            case "02":
                events = [Part("p", Unit.TIME, 5, 4, 6)] * 65
            case "03":
                self._measured = order.job_id
                return
            case _:
                events = [Phase("Doing", 0.5), Part("p", Unit.TIME, 5, 4, 6, 10), Closing("0", 1, "float32", 3, True)]  # noqa: FBT003 - as told
        self._ready += [(order.job_id, event) for event in events]

    def submit_embedding(self, batch: EmbeddingBatch) -> None:
        vectors: tuple[tuple[float, ...], ...]
        match batch.texts[0]:
            case "short":
                vectors = tuple((1.0, 0.0) for _ in batch.texts[1:])
            case "long vector":
                vectors = tuple((2.0, 0.0) for _ in batch.texts)
            case "nan":
                vectors = tuple((float("nan"), 0.0) for _ in batch.texts)
            case "never":
                return
            case _:
                vectors = tuple((0.6, -0.8, *[0.0] * 382) for _ in batch.texts)
        self._ready.append((batch.job_id, Embeddings(vectors, Usage(len(batch.texts), 0))))

    def cancel(self, job_id: str) -> None:
        job = self._jobs.pop(job_id, None)
        if job_id == self._measured:
            self._ready.append((job_id, Finish(FinishReason.CANCELLED, Usage(0, 0))))
        elif job is not None:
            self._ready.append((job_id, Finish(FinishReason.CANCELLED, Usage(3, job.written))))

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - the engine's own name
        """Its steps are short."""

    def step(self) -> list[tuple[str, Event]]:
        events, self._ready = self._ready, []
        for job_id, job in list(self._jobs.items()):
            events += self._advance(job_id, job)
        time.sleep(_STEP_S)
        return events

    @property
    def idle(self) -> bool:
        return not self._jobs and not self._ready

    def stats(self) -> Mapping[str, object]:
        return {"scripted": Numbers(slots=4, running=len(self._jobs))}

    def self_check(self) -> None:
        if not self._channel:
            raise WorkerError("nothing to check")

    def _advance(self, job_id: str, job: _Job) -> list[tuple[str, Delta | Finish | Embeddings]]:
        word, *rest = job.order
        if word == "count" and job.written == int(rest[0]):
            del self._jobs[job_id]
            return [(job_id, Finish(FinishReason.STOP, Usage(3, job.written)))]
        if word == "card":
            del self._jobs[job_id]
            told = json.dumps({**self._given, **what_a_card_needs(rest[0])})
            return [(job_id, Delta(told, 1)), (job_id, Finish(FinishReason.STOP, Usage(3, 1)))]
        if word not in {"count", "endless"}:
            getattr(Misdeeds(self._channel, job_id), word)(*rest)
        job.written += 1
        return [(job_id, Delta(f"w{job.written - 1} ", 1))]


def what_a_card_needs(file: str) -> dict[str, object]:
    """What a graphics card's driver does while it works, each tried for real; `file` stands for the card's own."""
    return {
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "opens its file": works(lambda: os.close(os.open(file, os.O_RDWR))),
        "names a thread": works(lambda: name_thread("card")),
        "looks for its place": works(lambda: list(Path("/sys/bus").iterdir())),
        "makes a memory file": works(lambda: os.close(os.memfd_create("card"))),
        "opens another's file": works(lambda: os.close(os.open("/dev/tty", os.O_RDWR))),
    }


def name_thread(name: str) -> None:
    """As the C library does it for another thread than one's own: the file is there, nothing is made."""
    descriptor = os.open(f"/proc/self/task/{os.getpid()}/comm", os.O_RDWR)
    os.write(descriptor, name.encode())
    os.close(descriptor)


def works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


class Misdeeds:
    """What a worker that has gone bad may do; each method is an order of its own."""

    def __init__(self, channel: socket.socket, job_id: str) -> None:
        self._channel = channel
        self._job_id = job_id

    def hang(self) -> None:
        time.sleep(60)

    def exit(self, status: str) -> None:
        os._exit(int(status))

    def abort(self) -> None:
        os.abort()

    def fail(self) -> None:
        raise ValueError(SECRET)

    def print(self, *words: str) -> None:
        for _ in range(2000):
            os.write(2, (" ".join(words) * 100).encode()[:1000])

    def eat(self) -> None:
        bytearray(os.urandom(1)) * (300 << 20)

    def share(self) -> None:
        area = mmap.mmap(-1, 400 << 20)
        for start in range(0, 400 << 20, mmap.PAGESIZE):
            area[start] = 1
        time.sleep(60)

    def garbage(self) -> None:
        self._channel.sendall(os.urandom(64))

    def huge(self) -> None:
        self._channel.sendall(b"\x7f\xff\xff\xff\x01")

    def json(self, *text: str) -> None:
        payload = " ".join(text).encode()
        self._channel.sendall(len(payload).to_bytes(4, "big") + b"\x01" + payload)

    def raw(self) -> None:
        self._channel.sendall(b"\x00\x00\x00\x01\x02x")

    def stranger(self) -> None:
        self._channel.sendall(encode(Piece("nobody", "x", 1)))

    def lie(self) -> None:
        self._channel.sendall(encode(Done(self._job_id, FinishReason.STOP, 3, 1 << 20)))

    def verbose(self) -> None:
        self._channel.sendall(encode(Piece(self._job_id, "x" * 900_000, 1)))

    def vectors(self) -> None:
        self._channel.sendall(encode(Vectors(self._job_id, 1, 2, 3)))


def main(threshold: Threshold) -> int:
    return process.run(
        threshold, lambda: lambda begin: ScriptedServing(threshold.channel, begin.device, begin.memory_bytes)
    )
