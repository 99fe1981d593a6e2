"""The worker's inside: models, jobs and steps, behind one face that knows nothing of processes and frames."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import torch

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder
from desktop.domain.errors import ModelNotFound, RequestError, WorkerError
from desktop.domain.inference import Delta, EmbeddingBatch, Finish, FinishReason, Generation
from desktop.domain.model import ModelKind
from desktop.domain.pricing import Usage
from desktop.worker.benchmark.course import Course
from desktop.worker.engine.engine import EngineStats
from desktop.worker.engine.torch_engine import Pace
from desktop.worker.lanes.chat import ChatLane
from desktop.worker.lanes.embedding import EmbeddingLane
from desktop.worker.lanes.lane import Lane, Output
from desktop.worker.models.catalogue import CatalogueEntry

# What a driver takes of a card for itself, before the first number lies there.
CONTEXT_BYTES = 512 << 20
_CHECK_SIZE = 256
_CHECK_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready: token ids lie below `vocabulary`."""

    id: str
    kind: ModelKind
    vocabulary: int
    context_tokens: int


class Serving:
    """Loads models, takes jobs and moves them on, one engine step per call of `step`.

    Single-threaded: nothing happens between calls, so the caller decides about pace, pause and cancelling. Models
    take turns. Every job ends with exactly one `Finish` or `Embeddings`. `memory_bytes` is the most of a card's memory.
    """

    def __init__(self, *, device: str = "cpu", memory_bytes: int | None = None, pace: Pace | None = None) -> None:
        self._device = torch.device(device)
        if memory_bytes is not None and self._device.type != "cpu":
            _keep_within(self._device, memory_bytes)
        self._pace = pace or Pace()
        self._chats: dict[str, ChatLane] = {}
        self._encoders: dict[str, EmbeddingLane] = {}
        self._turns: deque[Lane] = deque()
        self._homes: dict[str, Lane] = {}
        self._ended: list[tuple[str, Finish]] = []
        self._course: tuple[str, Course] | None = None

    def load(self, entry: CatalogueEntry, folder: Path) -> LoadedModel:
        """Make the model in `folder` ready; ModelCorrupt, naming the file, when it does not hold what it must.

        WorkerError where the device has too little memory. The folder's digests are the caller's to check before: here
        files are parsed.
        """
        try:
            return self._load(entry, folder)
        except torch.OutOfMemoryError as error:
            raise WorkerError(
                f"{entry.id} does not fit into the memory of this device.",
                why=str(error).partition("\n")[0][:300],
                now="Offer a smaller model, or close what else uses the card.",
            ) from error

    def _load(self, entry: CatalogueEntry, folder: Path) -> LoadedModel:
        dtype = self._dtype(entry)
        lane: Lane
        if entry.kind is ModelKind.CHAT:
            chat, vocabulary = ChatLane.load(entry, folder, self._device, dtype, self._pace)
            lane = self._chats[entry.id] = chat
        else:
            encoder, vocabulary = EmbeddingLane.load(entry, folder, self._device, dtype)
            lane = self._encoders[entry.id] = encoder
        self._turns.append(lane)
        return LoadedModel(entry.id, entry.kind, vocabulary, entry.context_tokens)

    def submit(self, generation: Generation) -> None:
        """Take a job; ModelNotFound, ContextOverflow or RequestError say why it cannot run."""
        lane = self._chats.get(generation.model_id)
        if lane is None:
            raise _unknown(generation.model_id)
        self._require_new(generation.job_id)
        lane.submit(generation)
        self._homes[generation.job_id] = lane

    def submit_embedding(self, batch: EmbeddingBatch) -> None:
        """Take a job; ModelNotFound, ContextOverflow or RequestError say why it cannot run."""
        lane = self._encoders.get(batch.model_id)
        if lane is None:
            raise _unknown(batch.model_id)
        self._require_new(batch.job_id)
        lane.submit(batch)
        self._homes[batch.job_id] = lane

    def measure(self, order: BenchmarkOrder) -> None:
        """Begin a benchmark, which then has the device to itself; ModelNotFound, or WorkerError while jobs run."""
        lane = self._chats.get(order.model_id)
        if lane is None:
            raise _unknown(order.model_id)
        if not self.idle:
            raise WorkerError("The worker is busy.", now="Measure when it has no jobs.")
        self._course = (order.job_id, Course(order, lane.subject, self._device))

    def cancel(self, job_id: str) -> None:
        """End the job now; the next `step` tells its `Finish`. A job that has ended meanwhile is left as it is."""
        if self._course is not None and self._course[0] == job_id:
            self._course[1].close()
            self._course = None
            self._ended.append((job_id, Finish(FinishReason.CANCELLED, Usage(0, 0))))
            return
        lane = self._homes.pop(job_id, None)
        finish = lane.cancel(job_id) if lane else None
        if finish:
            self._ended.append((job_id, finish))

    def step(self) -> list[tuple[str, Output | BenchmarkEvent | WorkerError]]:
        """At most one engine step of the next model that has work; what it brought, in order, per job."""
        if self._course is not None:
            return self._measure_on(*self._course)
        outputs: list[tuple[str, Output | BenchmarkEvent | WorkerError]] = [*self._ended]
        self._ended.clear()
        for _ in range(len(self._turns)):
            lane = self._turns[0]
            self._turns.rotate(-1)
            if not lane.idle:
                outputs += lane.step()
                break
        for job_id, output in outputs:
            if not isinstance(output, Delta):
                self._homes.pop(job_id, None)
        return outputs

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - it is what is kept
        """Read fewer prompt tokens in one step, at some cost, so that no step lasts long."""
        for lane in self._chats.values():
            lane.keep_steps_short(short)

    @property
    def idle(self) -> bool:
        """Whether `step` would have nothing to do or to tell."""
        return self._course is None and not self._ended and all(lane.idle for lane in self._turns)

    def stats(self) -> dict[str, EngineStats]:
        """Numbers per loaded model."""
        lanes: dict[str, Lane] = {**self._chats, **self._encoders}
        return {model_id: lane.stats() for model_id, lane in lanes.items()}

    def self_check(self) -> None:
        """Multiply on the device and compare with float64 on the CPU; WorkerError when they disagree."""
        generator = torch.Generator().manual_seed(0)
        left, right = torch.randn(2, _CHECK_SIZE, _CHECK_SIZE, generator=generator)
        try:
            product = (left.to(self._device) @ right.to(self._device)).cpu().double()
        except RuntimeError as error:
            raise WorkerError(
                f"The device {self._device} does not compute.", why=str(error).partition("\n")[0][:200]
            ) from error
        if not torch.allclose(product, left.double() @ right.double(), rtol=0.0, atol=_CHECK_TOLERANCE):
            raise WorkerError(
                f"The device {self._device} computes wrong results.", now="Check its driver, its power and its heat."
            )

    def _dtype(self, entry: CatalogueEntry) -> torch.dtype:
        # CPUs without 16-bit matrix units are many times slower in 16 bits than in fp32.
        declared = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[entry.dtype]
        return torch.float32 if self._device.type == "cpu" else declared

    def _measure_on(self, job_id: str, course: Course) -> list[tuple[str, Output | BenchmarkEvent | WorkerError]]:
        told = course.step()
        if course.ended:
            self._course = None
        return [(job_id, event) for event in told]

    def _require_new(self, job_id: str) -> None:
        if self._course is not None:
            raise WorkerError("The worker is being measured.", now="Try again in two minutes.")
        if job_id in self._homes:
            raise RequestError("A job of this id is already running.", parameter="job_id")


def _keep_within(device: torch.device, memory_bytes: int) -> None:
    """Have torch give back what it keeps for later before it takes more: whoever watches from outside kills for it."""
    module = torch.get_device_module(device)
    total_bytes = module.get_device_properties(device).total_memory
    share = max(memory_bytes - CONTEXT_BYTES, 0) / total_bytes
    module.set_per_process_memory_fraction(min(share, 1.0), device)


def _unknown(model_id: str) -> ModelNotFound:
    return ModelNotFound(f"The model {model_id[:64]!r} is not loaded for this.", parameter="model")
