"""One accepted job: its turn at the worker, its answer, its end in money."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from desktop.domain.errors import HearthError, Unavailable, WorkerDied
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, FinishReason, Generation
from desktop.domain.job import Job, JobState
from desktop.domain.model import Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.network.api.desk import Order, Settlement
from desktop.node.admission import Ticket
from desktop.node.workers import Worker

log = logging.getLogger(__name__)

CANCEL_DEADLINE_S: Final = 2.0
BY_THE_BUYER: Final = "cancelled by the buyer"

Close = Callable[[Job], Awaitable[Settlement]]


class Seats(Protocol):
    """Where jobs find a worker."""

    @property
    def slots(self) -> int:
        """How many jobs have a seat at once, now."""
        ...

    def seat(self, sitter: NodeJob) -> AbstractAsyncContextManager[Worker]:
        """Wait for a seat and hold it; Unavailable where there is none to wait for."""
        ...


class NodeJob:
    """An `OpenJob`: the node runs it whether or not its answer is read; `settle` closes it, once.

    `close` writes the finished job to the ledger and makes the change. A slow reader costs memory for at most one
    answer, never a place at the worker.
    """

    def __init__(
        self,
        job: Job,
        *,
        order: Order,
        offer: Offer,
        seats: Seats,
        ticket: Ticket,
        close: Close,
        now_ms: Callable[[], int],
    ) -> None:
        self._job = job
        self._order = order
        self._offer = offer
        self._seats = seats
        self._worker: Worker | None = None
        self._interruption = ""
        self._ticket = ticket
        self._close = close
        self._now_ms = now_ms
        self._pieces: asyncio.Queue[Delta | Finish | None] = asyncio.Queue()
        self._embeddings: Embeddings | None = None
        self._failure: HearthError | None = None
        self._settling = asyncio.Lock()
        self._settlement: Settlement | None = None
        self._written = 0
        self._run = asyncio.create_task(self._work(), name=f"job {job.id}")

    @property
    def id(self) -> str:
        """The job's id."""
        return self._job.id

    async def answer(self) -> AsyncIterator[Delta | Finish]:
        """The pieces of the answer, a `Finish` last, or the error the job failed with."""
        while (piece := await self._pieces.get()) is not None:
            yield piece
        if self._failure is not None:
            raise self._failure

    async def vectors(self) -> Embeddings:
        """The result of an embedding job, or the error it failed with."""
        await asyncio.wait({self._run})
        if self._embeddings is None:
            raise self._failure or Unavailable("The job was cancelled.")
        return self._embeddings

    async def ended(self) -> None:
        """Return when the worker is done with it, in whatever way."""
        await asyncio.wait({self._run})

    async def cancel(self) -> None:
        """End the job within one step of the engine; what was generated until then is charged."""
        await self._end_early(CANCEL_DEADLINE_S)

    async def interrupt(self, why: str, within_s: float) -> None:
        """End the job because its owner needs the device: what was generated is the buyer's, and is charged.

        A buyer who has not had a token yet pays nothing, and hears that another provider is to be asked. Returns after
        `within_s` at the latest; a worker that has not said by then how much it read is not waited for.
        """
        self._interruption = why
        await self._end_early(within_s)

    async def _end_early(self, within_s: float) -> None:
        if self._run.done():
            return
        if self._worker is None:
            self._run.cancel()
        else:
            await self._worker.cancel(self.id)
        await asyncio.wait({self._run}, timeout=within_s)
        if not self._run.done():
            self._run.cancel()
            await asyncio.wait({self._run})
        if self._job.state is JobState.ACCEPTED:
            # Cancelled before the task had taken its first step: none of its own clean-up ran.
            self._end(JobState.CANCELLED, self._interruption or BY_THE_BUYER)
            self._close_up()

    async def settle(self) -> Settlement:
        """Charge, sign, pay the change back; the same settlement every time."""
        async with self._settling:
            if self._settlement is None:
                await self.cancel()
                self._settlement = await self._close(self._job)
            return self._settlement

    async def _work(self) -> None:
        try:
            async with self._seats.seat(self) as worker:
                self._worker = worker
                self._update(state=JobState.RUNNING, started_at_ms=self._now_ms())
                if self._order.texts:
                    await self._embed(worker)
                else:
                    await self._generate(worker)
        except asyncio.CancelledError:
            # Cancelled while waiting for a turn, which costs nothing; or by a worker too slow to say how much it read:
            # then only what was seen to leave is charged.
            if self._written:
                self._charge(Usage(0, self._written))
            if self._interruption and self._written:
                self._pieces.put_nowait(Finish(FinishReason.CANCELLED, self._job.usage))
            elif self._interruption:
                self._failure = owner_is_back()
            self._end(JobState.CANCELLED, self._interruption or BY_THE_BUYER)
        except HearthError as error:
            self._failure = error
            self._end(JobState.FAILED, error.what)
        except Exception:
            # A bug fails this one job, which is refunded; it must not leave a buyer waiting for ever.
            log.exception("job %s failed by a bug", self.id)
            self._failure = Unavailable("This node made a mistake.", now="Nothing is charged; ask again.")
            self._end(JobState.FAILED, "internal error")
        finally:
            self._close_up()

    def _close_up(self) -> None:
        self._ticket.close()
        self._pieces.put_nowait(None)

    async def _generate(self, worker: Worker) -> None:
        if self._order.sampling is None:
            raise Unavailable("A generation needs sampling parameters.")
        generation = Generation(
            job_id=self.id,
            model_id=self._order.model_id,
            sampling=self._order.sampling,
            messages=self._order.messages,
            text=self._order.text,
        )
        async for piece in worker.generate(generation):
            if isinstance(piece, Finish):
                cancelled = piece.reason is FinishReason.CANCELLED
                if cancelled and self._interruption and not piece.usage.completion_tokens:
                    raise owner_is_back()
                self._charge(piece.usage)
                reason = self._interruption if cancelled and self._interruption else piece.reason.value
                self._end(JobState.CANCELLED if cancelled else JobState.COMPLETED, reason)
            else:
                self._written += piece.tokens
                if self._job.first_token_at_ms is None:
                    self._update(first_token_at_ms=self._now_ms())
            self._pieces.put_nowait(piece)
        if self._job.state is JobState.RUNNING:
            raise WorkerDied("The answer ended too early.", now="Nothing is charged; ask again.")

    async def _embed(self, worker: Worker) -> None:
        embeddings = await worker.embed(EmbeddingBatch(self.id, self._order.model_id, self._order.texts))
        self._update(first_token_at_ms=self._now_ms())
        self._charge(embeddings.usage)
        self._embeddings = embeddings
        self._end(JobState.COMPLETED, FinishReason.STOP.value)

    def _charge(self, usage: Usage) -> None:
        # The hold bounds the charge: a template longer than the quote assumed is our loss, not the buyer's.
        cost = min(self._offer.price.cost(usage), self._job.held)
        self._update(usage=usage, charged=cost)

    def _end(self, state: JobState, reason: str) -> None:
        charged = self._job.charged if state is not JobState.FAILED else Money()
        self._update(state=state, reason=reason, finished_at_ms=self._now_ms(), charged=charged)

    def _update(self, **changes: object) -> None:
        self._job = dataclasses.replace(self._job, **changes)  # type: ignore[arg-type]  # mypy cannot match names


def owner_is_back() -> Unavailable:
    """The error for a job whose device is needed by its owner before it had written anything."""
    return Unavailable(
        "This computer is needed by its owner now.", now="Nothing is charged. Ask another provider, or try again later."
    )
