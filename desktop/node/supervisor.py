"""Keeps one worker alive: start, watch, restart with backoff, give up in words after three failures in a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from desktop.domain.errors import HearthError, SandboxBroken, SandboxUnavailable, Unavailable
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, Generation
from desktop.node.policy import WorkerStatus

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW: Final = 3
STEADY_AFTER_S: Final = 60.0
FIRST_BACKOFF_S: Final = 0.5


class Worker(Protocol):
    """A running worker as the node uses it."""

    def generate(self, generation: Generation) -> AsyncIterator[Delta | Finish]:
        """The pieces of an answer, a Finish last; WorkerDied if the process ends before it."""
        ...

    async def embed(self, batch: EmbeddingBatch) -> Embeddings:
        """One vector per text."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; its Finish still comes."""
        ...

    async def stop(self, grace_s: float) -> None:
        """End the process, by force after the grace."""
        ...

    async def wait_closed(self) -> str:
        """Return, when the process has ended, why it did."""
        ...


Launch = Callable[[], Awaitable[Worker]]


class Supervisor:
    """One worker, kept alive while wanted.

    `launch` returns a worker that has loaded its models and passed the sandbox's self-test, or raises HearthError.
    `changed` is called whenever `status` is another. A sandbox that is missing or broken is never retried: nothing
    on this computer changes by itself so that it would work the next second.
    """

    def __init__(self, launch: Launch, changed: Callable[[], None], *, stop_grace_s: float = 1.0) -> None:
        self._launch = launch
        self._changed = changed
        self._stop_grace_s = stop_grace_s
        self._worker: Worker | None = None
        self._status = WorkerStatus.LOADING
        self._detail = ""
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> WorkerStatus:
        """Where the worker stands."""
        return self._status

    @property
    def detail(self) -> str:
        """The last failure in words, empty while all is well."""
        return self._detail

    @property
    def worker(self) -> Worker:
        """The running worker, or Unavailable."""
        if self._worker is None or self._status is not WorkerStatus.READY:
            raise Unavailable(
                "No worker is ready.", why=self._detail or "It is still loading.", now="Try again in a few seconds."
            )
        return self._worker

    def start(self) -> None:
        """Begin keeping a worker alive."""
        self._task = asyncio.create_task(self._keep_alive(), name="worker supervisor")

    async def release(self) -> None:
        """Give the device back: end the worker and start no other until `resume`."""
        self._wanted.clear()
        if self._worker is not None:
            await self._worker.stop(self._stop_grace_s)

    def resume(self) -> None:
        """Want a worker again, also after a fault."""
        self._wanted.set()

    async def stop(self) -> None:
        """End worker and supervision."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._worker is not None:
            await self._worker.stop(self._stop_grace_s)
            self._worker = None

    async def _keep_alive(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            if not self._wanted.is_set():
                if self._status not in {WorkerStatus.FAILED, WorkerStatus.NO_SANDBOX}:
                    self._show(WorkerStatus.RELEASED)
                await self._wanted.wait()
                failures = 0
            self._show(WorkerStatus.RESTARTING if failures else WorkerStatus.LOADING)
            try:
                self._worker = await self._launch()
            except (SandboxUnavailable, SandboxBroken) as error:
                self._give_up(WorkerStatus.NO_SANDBOX, str(error))
                continue
            except HearthError as error:
                self._detail = str(error)
            else:
                started = clock()
                self._detail = ""
                self._show(WorkerStatus.READY)
                self._detail = await self._worker.wait_closed()
                self._worker = None
                if not self._wanted.is_set():
                    continue
                if clock() - started > STEADY_AFTER_S:
                    failures = 0
            failures += 1
            log.warning("the worker ended (%d in a row): %s", failures, self._detail)
            if failures >= FAILURES_IN_A_ROW:
                self._give_up(WorkerStatus.FAILED, self._detail)
                continue
            self._show(WorkerStatus.RESTARTING)
            await asyncio.sleep(FIRST_BACKOFF_S * 2 ** (failures - 1))

    def _give_up(self, status: WorkerStatus, detail: str) -> None:
        self._wanted.clear()
        self._detail = detail
        self._show(status)

    def _show(self, status: WorkerStatus) -> None:
        if status is not self._status:
            self._status = status
            self._changed()
