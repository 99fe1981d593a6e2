"""A worker at the node's seam: answers from a script, dies on demand. The real one: tests/worker and e2e."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder, Closing, Phase
from desktop.domain.errors import WorkerDied
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, FinishReason, Generation
from desktop.domain.pricing import Usage


class FakeWorker:
    """Writes the words of `script`, one token each. With `gate` set it waits for a permit before each word."""

    def __init__(self, script: tuple[str, ...] = ("Hello", " there"), *, gated: bool = False) -> None:
        self.script = script
        self.permits = asyncio.Semaphore(0) if gated else None
        self.cancelled: set[str] = set()
        self.at_work: set[str] = set()
        self.stopped = False
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def generate(self, generation: Generation) -> AsyncIterator[Delta | Finish]:
        self.at_work.add(generation.job_id)
        written = 0
        for word in self.script:
            if not await self._may_write(generation.job_id):
                break
            written += 1
            yield Delta(word, 1)
        stopped = generation.job_id in self.cancelled
        self.at_work.discard(generation.job_id)
        reason = FinishReason.CANCELLED if stopped else FinishReason.STOP
        yield Finish(reason, Usage(prompt_tokens=7, completion_tokens=written))

    async def embed(self, batch: EmbeddingBatch) -> Embeddings:
        if self._ended.done():
            raise WorkerDied(self._ended.result())
        return Embeddings(tuple((1.0, 0.0) for _ in batch.texts), Usage(len(batch.texts) * 3, 0))

    async def measure(self, order: BenchmarkOrder) -> AsyncGenerator[BenchmarkEvent, None]:
        yield Phase(f"Measuring {order.model_id}", 0.5)
        yield Closing("0", 1, "float32", 3, settled=True)

    async def cancel(self, job_id: str) -> None:
        self.cancelled.add(job_id)
        if self.permits is not None:
            self.permits.release()

    async def stop(self, grace_s: float) -> None:
        del grace_s
        self.stopped = True
        self.die("stopped")

    async def vanish(self) -> None:
        self.stopped = True
        self.die("killed")

    @property
    def pids(self) -> list[int]:
        return [] if self._ended.done() else [id(self)]

    @property
    def peak_memory_bytes(self) -> int:
        return 1 << 20

    async def wait_closed(self) -> str:
        return await asyncio.shield(self._ended)

    def die(self, reason: str) -> None:
        """End, as a killed process would."""
        if not self._ended.done():
            self._ended.set_result(reason)
        if self.permits is not None:
            self.permits.release()

    async def _may_write(self, job_id: str) -> bool:
        if self.permits is not None:
            await self.permits.acquire()
        if self._ended.done():
            raise WorkerDied("The worker died.", why=self._ended.result())
        return job_id not in self.cancelled
