"""A worker as the node uses it, and where workers come from."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Protocol

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, Generation


class Worker(Protocol):
    """A running worker."""

    @property
    def pids(self) -> Sequence[int]:
        """Its processes; empty once it has ended."""
        ...

    @property
    def peak_memory_bytes(self) -> int:
        """The most main memory it was seen to hold."""
        ...

    def generate(self, generation: Generation) -> AsyncIterator[Delta | Finish]:
        """The pieces of an answer, a Finish last; WorkerDied if the process ends before it."""
        ...

    async def embed(self, batch: EmbeddingBatch) -> Embeddings:
        """One vector per text."""
        ...

    def measure(self, order: BenchmarkOrder) -> AsyncGenerator[BenchmarkEvent, None]:
        """What a benchmark tells, a Closing last; leaving it ends it."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; its Finish still comes."""
        ...

    async def vanish(self) -> None:
        """End it by force; return when all it held is free again."""
        ...

    async def wait_closed(self) -> str:
        """Return, when the process has ended, why it did."""
        ...


class Workers(Protocol):
    """Makes the workers of one device."""

    async def launch(self) -> Worker:
        """A worker that has loaded its models and passed the sandbox's self-test, the spare one if there is one.

        Raises HearthError.
        """
        ...

    async def keep_spare(self) -> None:
        """Have one more process wait, imported and shut in, without a model and without a device; HearthError."""
        ...

    async def drop_spare(self) -> None:
        """Have none, and its memory back."""
        ...

    @property
    def spare_pids(self) -> Sequence[int]:
        """The processes of the spare one; empty if there is none."""
        ...
