"""One device at work: its worker, the jobs that sit at it, and how both get out of the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from desktop.domain.device import Device, Telemetry
from desktop.domain.errors import HearthError
from desktop.domain.node_state import NodeState, Reason
from desktop.node.policy.decision import Decision, Judgement
from desktop.node.policy.device import is_tight
from desktop.node.policy.signals import DeviceSignals, WorkerStatus
from desktop.node.stops import Stop, Stops
from desktop.node.supervisor import Supervisor
from desktop.node.workers import Worker, Workers

log = logging.getLogger(__name__)

# What a job gets to end by itself once it is asked to: a step of the engine mostly takes less. Then it is cut off.
INTERRUPT_WITHIN_S: Final = 0.3
# A device that answers a request every few seconds is earning, not flickering.
SERVING_LINGER_S: Final = 10.0
# Not right away: a spare worker's imports would compete with the first request.
SPARE_AFTER_S: Final = 15.0


class Sitter(Protocol):
    """A job at a worker, as far as it can be sent away."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    async def interrupt(self, why: str, within_s: float) -> None:
        """End it: what was generated until then is the buyer's. By force if it takes longer."""
        ...


class Station:
    """One device. `changed` is called whenever something about it is another; `wall_ms` is UTC."""

    def __init__(
        self,
        device: Device,
        workers: Workers,
        *,
        slots: int,
        stops: Stops,
        changed: Callable[[], None],
        wall_ms: Callable[[], int],
    ) -> None:
        self.device = device
        self.telemetry: Telemetry | None = None
        self.present = True
        self.decision = Decision(NodeState.STARTING, Reason.LOADING)
        self._workers = workers
        self._slots = slots
        self._stops = stops
        self._changed = changed
        self._wall_ms = wall_ms
        self._clock_s = asyncio.get_running_loop().time
        self._supervisor = Supervisor(workers.launch, self._status_changed)
        self._sitters: set[Sitter] = set()
        self._last_busy_s = float("-inf")
        self._ready_since_s: float | None = None
        self._needed_bytes: int | None = None
        self._known_pids: frozenset[int] = frozenset()
        self._wanted = False
        self._leave_by_s = 0.0
        self._hurry = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None
        self._spare: asyncio.Task[None] | None = None

    # --- what is asked of it -----------------------------------------------------------------------------------------

    @property
    def worker(self) -> Worker | None:
        """The worker that is ready; None while none is."""
        return self._supervisor.ready

    @property
    def jobs(self) -> int:
        """Jobs that sit here."""
        return len(self._sitters)

    @property
    def free(self) -> int:
        """Seats for jobs, none while it must not work."""
        return self._slots - len(self._sitters) if self.open else 0

    @property
    def slots(self) -> int:
        """Seats in all, none while it must not work."""
        return self._slots if self.open else 0

    @property
    def open(self) -> bool:
        """Whether it takes jobs."""
        return self._wanted and self._supervisor.status is WorkerStatus.READY

    @property
    def last_stop(self) -> Stop | None:
        """How long its last stop took."""
        return self._stops.last(self.device.id)

    @property
    def spare_pids(self) -> list[int]:
        """The processes of its spare worker."""
        return list(self._workers.spare_pids)

    @property
    def serving(self) -> bool:
        """Whether a job sits here or did a moment ago."""
        return bool(self._sitters) or self._clock_s() - self._last_busy_s < SERVING_LINGER_S

    def signals(self, *, worth_it: bool | None) -> DeviceSignals:
        """What the policy must know of it."""
        worker, telemetry = self.worker, self.telemetry
        pids = self._pids_of(worker)
        if worker is not None:
            self._needed_bytes = _held(worker, telemetry, pids) or self._needed_bytes
        return DeviceSignals(
            self.device,
            telemetry=telemetry,
            present=self.present,
            worker=self._supervisor.status,
            fault=self._supervisor.detail,
            serving=self.serving,
            own_pids=pids,
            needed_bytes=self._needed_bytes,
            worth_it=worth_it,
        )

    def _pids_of(self, worker: Worker | None) -> frozenset[int]:
        """Its processes, which stay the same once it is ready; asked for with every look, so looked up once."""
        if worker is None:
            self._known_pids = frozenset()
        elif not self._known_pids:
            self._known_pids = frozenset(worker.pids)
        return self._known_pids

    # --- what it does ------------------------------------------------------------------------------------------------

    def follow(self, judgement: Judgement, *, grace_s: float, age_s: float) -> None:
        """Work, or get out of the way: jobs may end within `grace_s`; the cause is already `age_s` old."""
        self.decision = judgement.decision
        if judgement.may_work:
            if not self._wanted:
                self._wanted = True
                self._hurry.set()
                if self._leaving is None:
                    self._supervisor.resume()
            return
        now_s = self._clock_s()
        if self._wanted:
            self._wanted = False
            self._leave_by_s = now_s + grace_s
            if self._leaving is None:
                self._leaving = asyncio.create_task(self._leave(now_s - age_s), name=f"leave {self.device.id}")
        elif now_s + grace_s < self._leave_by_s:
            self._leave_by_s = now_s + grace_s
        self._hurry.set()

    def sit(self, sitter: Sitter) -> Worker:
        """Give a job its seat; only while `free`."""
        self._sitters.add(sitter)
        return self._supervisor.worker

    def rise(self, sitter: Sitter) -> None:
        """The job is done with the worker."""
        self._sitters.discard(sitter)
        self._last_busy_s = self._clock_s()
        asyncio.get_running_loop().call_later(SERVING_LINGER_S + 0.1, self._changed)
        self._hurry.set()

    async def left(self) -> None:
        """Return when it is out of the way, if it is going."""
        if self._leaving is not None:
            await asyncio.shield(self._leaving)

    def retry(self) -> None:
        """Try again after a fault, if it may work."""
        if self._wanted and self._leaving is None:
            self._supervisor.resume()

    def tend_spare(self, *, wanted: bool) -> None:
        """Have a spare worker once the real one has been ready for a while; have none where it is not wanted."""
        if self._spare is not None:
            return
        since_s = self._ready_since_s
        settled = since_s is not None and self._clock_s() - since_s >= SPARE_AFTER_S
        if not wanted and self._workers.spare_pids:
            self._spare = asyncio.create_task(self._drop_spare(), name="spare worker")
        elif wanted and settled and self.open and not self._workers.spare_pids:
            self._spare = asyncio.create_task(self._keep_spare(), name="spare worker")

    async def stop(self) -> None:
        """End everything, now."""
        self._wanted = False
        for task in (self._leaving, self._spare):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._supervisor.stop()
        await self._workers.drop_spare()

    # --- how ---------------------------------------------------------------------------------------------------------

    async def _leave(self, since_s: float) -> None:
        try:
            await self._let_jobs_end()
            if self._wanted:
                return  # the cause is gone, and nobody was disturbed
            reason = self.decision.reason
            working = self._supervisor.status is not WorkerStatus.RELEASED
            await asyncio.gather(*(each.interrupt(reason.value, INTERRUPT_WITHIN_S) for each in tuple(self._sitters)))
            stopped_s = self._clock_s()
            await self._supervisor.release()
            if working:
                stop = Stop(self._wall_ms(), reason, _ms(stopped_s - since_s), _ms(self._clock_s() - stopped_s))
                await asyncio.to_thread(self._stops.note, self.device.id, stop)
        finally:
            self._leaving = None
            if self._wanted:
                self._supervisor.resume()
            self._changed()

    async def _let_jobs_end(self) -> None:
        while self._sitters and not self._wanted and (left_s := self._leave_by_s - self._clock_s()) > 0:
            self._hurry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if left_s == float("inf") else left_s):
                    await self._hurry.wait()

    def _status_changed(self) -> None:
        ready = self._supervisor.status is WorkerStatus.READY
        self._known_pids = frozenset()
        self._ready_since_s = self._clock_s() if ready else None
        if ready:
            # Nothing else may happen until then, and then there is something to do.
            asyncio.get_running_loop().call_later(SPARE_AFTER_S + 0.1, self._changed)
        self._changed()

    async def _keep_spare(self) -> None:
        try:
            await self._workers.keep_spare()
        except HearthError as error:
            log.warning("no spare worker: %s", error)
            self._ready_since_s = None  # not again until the worker is another
        finally:
            self._spare = None

    async def _drop_spare(self) -> None:
        try:
            await self._workers.drop_spare()
        finally:
            self._spare = None


def spare_wanted(decision: Decision, telemetry: Telemetry | None, *, setting: bool) -> bool:
    """Whether a process may wait in main memory: not where memory is short, and not once the owner wants it back."""
    unwanted = {Reason.PAUSED_BY_OWNER, Reason.MEMORY_WANTED, Reason.DEVICE_DISABLED, Reason.SHUTTING_DOWN}
    tight = telemetry is not None and is_tight(telemetry)
    return setting and not tight and decision.reason not in unwanted and decision.state is not NodeState.FAULT


def _held(worker: Worker, telemetry: Telemetry | None, pids: frozenset[int]) -> int:
    """What the worker holds of the device's memory, as far as it is told."""
    if telemetry is not None and telemetry.processes:
        ours = [each.memory_bytes for each in telemetry.processes if each.pid in pids]
        if ours and None not in ours:
            return sum(each or 0 for each in ours)
    return worker.peak_memory_bytes


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
