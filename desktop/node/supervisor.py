"""Keeps one worker alive: start, watch, restart with backoff, give up in words after three failures in a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from desktop.domain.errors import DeviceUnusable, HearthError, SandboxBroken, SandboxUnavailable, Unavailable
from desktop.node.policy.signals import WorkerStatus
from desktop.node.workers import Worker

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW: Final = 3
STEADY_AFTER_S: Final = 60.0
FIRST_BACKOFF_S: Final = 0.5
LAST_BREATH_S: Final = 2.0


Launch = Callable[[], Awaitable[Worker]]


class Supervisor:
    """One worker, kept alive while wanted; at first none is.

    `launch` returns a worker that has loaded its models and passed the sandbox's self-test, or raises HearthError.
    `changed` is called whenever `status` is another. A sandbox that is missing or broken is never retried, nor a
    device that no worker can use: nothing on this computer changes by itself so that it would work the next second.
    """

    def __init__(self, launch: Launch, changed: Callable[[], None]) -> None:
        self._launch = launch
        self._changed = changed
        self._worker: Worker | None = None
        self._launching: asyncio.Task[Worker] | None = None
        self._status = WorkerStatus.RELEASED
        self._detail = ""
        self._wanted = asyncio.Event()
        self._gone = asyncio.Event()
        self._dying: set[asyncio.Future[str]] = set()
        self._let_go = False  # what ends now did not fail, even if it is wanted again before it is gone
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
    def ready(self) -> Worker | None:
        """The worker that is ready; None while none is, also once all is being stopped."""
        return self._worker if self._status is WorkerStatus.READY else None

    @property
    def worker(self) -> Worker:
        """The worker that is ready, or Unavailable."""
        if (worker := self.ready) is None:
            raise Unavailable(
                "No worker is ready.", why=self._detail or "It is still loading.", now="Try again in a few seconds."
            )
        return worker

    async def release(self) -> None:
        """Give the device back at once: end the worker, or its start, and start no other until `resume`."""
        self._wanted.clear()
        self._let_go = True
        if self._launching is not None:
            self._launching.cancel()
            await asyncio.wait({self._launching})
        if self._worker is not None:
            self._show(WorkerStatus.RELEASED)
            await self._end(self._worker)
            self._gone.set()

    def resume(self) -> None:
        """Want a worker, from now on or again, also after a fault."""
        self._wanted.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_alive(), name="worker supervisor")

    async def stop(self) -> None:
        """End worker and supervision."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._worker is not None:
            await self._end(self._worker)
            self._worker = None
        if self._dying:
            await asyncio.wait(tuple(self._dying), timeout=LAST_BREATH_S)

    async def _keep_alive(self) -> None:
        failures = 0
        while True:
            if not self._wanted.is_set():
                if self._status not in {WorkerStatus.FAILED, WorkerStatus.NO_SANDBOX}:
                    self._show(WorkerStatus.RELEASED)
                await self._wanted.wait()
                failures, self._let_go = 0, False
            self._show(WorkerStatus.RESTARTING if failures else WorkerStatus.LOADING)
            lived_s = await self._one_life()
            if self._let_go or not self._wanted.is_set():
                failures, self._let_go = 0, False
                continue
            failures = 1 if lived_s > STEADY_AFTER_S else failures + 1
            log.warning("the worker ended (%d in a row): %s", failures, self._detail)
            if failures >= FAILURES_IN_A_ROW:
                self._give_up(WorkerStatus.FAILED, self._detail)
                continue
            self._show(WorkerStatus.RESTARTING)
            await asyncio.sleep(FIRST_BACKOFF_S * 2 ** (failures - 1))

    async def _one_life(self) -> float:
        """From the launch to the end; how many seconds the worker was ready. `detail` says why it ended."""
        try:
            worker = await self._launch_one()
        except (SandboxUnavailable, SandboxBroken) as error:
            self._give_up(WorkerStatus.NO_SANDBOX, str(error))
            return 0.0
        except DeviceUnusable as error:
            self._give_up(WorkerStatus.FAILED, str(error))
            return 0.0
        except HearthError as error:
            self._detail = str(error)
            return 0.0
        if worker is None:
            return 0.0
        clock = asyncio.get_running_loop().time
        started_s = clock()
        self._detail = ""
        self._show(WorkerStatus.READY)
        self._gone.clear()
        closed = asyncio.ensure_future(worker.wait_closed())
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({closed, gone}, return_when=asyncio.FIRST_COMPLETED)
            self._detail = closed.result() if closed.done() else ""
        finally:
            closed.cancel()
            gone.cancel()
        self._worker = None
        return clock() - started_s

    async def _launch_one(self) -> Worker | None:
        """A worker; None if it was released before it was ready."""
        self._launching = asyncio.ensure_future(self._launch())
        try:
            self._worker = await self._launching
        except asyncio.CancelledError:
            if self._wanted.is_set() or not self._launching.cancelled():
                raise  # it is we who end
            return None
        finally:
            self._launching = None
        if not self._wanted.is_set():
            await self._worker.vanish()
            self._worker = None
        return self._worker

    async def _end(self, worker: Worker) -> None:
        """End it by force. Its memory is free then; for its last breath nobody waits before the end of everything."""
        await worker.vanish()
        last_breath = asyncio.ensure_future(worker.wait_closed())
        self._dying.add(last_breath)
        last_breath.add_done_callback(self._dying.discard)

    def _give_up(self, status: WorkerStatus, detail: str) -> None:
        self._wanted.clear()
        self._detail = detail
        self._show(status)

    def _show(self, status: WorkerStatus) -> None:
        if status is not self._status:
            self._status = status
            self._changed()
