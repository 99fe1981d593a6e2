"""The node's side of a running worker: jobs in, answers out, as if nothing but a method call lay between."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, TypeVar

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder
from desktop.domain.errors import FrameError, RequestError, WorkerDied
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, Generation
from desktop.worker.benchmark.inbox import BenchmarkInbox
from desktop.worker.channel import Channel
from desktop.worker.frames import HEADER_BYTES, Frame, FrameKind
from desktop.worker.inbox import AnswerInbox, VectorInbox
from desktop.worker.messages import (
    Begin,
    Cancel,
    Counters,
    DeviceName,
    Done,
    Duty,
    Embed,
    Failed,
    FromWorker,
    Generate,
    Measure,
    ModelPlace,
    Piece,
    Pulse,
    Ready,
    Refused,
    Stop,
    Told,
    ToWorker,
    Vectors,
    Warm,
    decode_from_node,
    decode_from_worker,
    encode,
)
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.sandbox.cell import Cell
from desktop.worker.sandbox.ending import holds_anything, hurry, take_memory_back
from desktop.worker.sandbox.family import memory_of
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.probes import Finding, Targets
from desktop.worker.watchdog import DeviceMemory, Watchdog

_LAST_WORDS_WITHIN_S: Final = 1.0
_SIGNAL_BASE: Final = 128
_LOOK_AGAIN_S: Final = 0.005

_AnyInbox = AnswerInbox | VectorInbox | BenchmarkInbox
_Inbox = TypeVar("_Inbox", AnswerInbox, VectorInbox, BenchmarkInbox)


class WorkerHandle:
    """One worker from its start to its end. Not restarted: when it has ended, launch another.

    Whatever breaks the rules of the conversation ends the worker at once, and every open job with `WorkerDied`.
    """

    def __init__(self, cell: Cell, *, device_memory: DeviceMemory | None = None, device_memory_bytes: int = 0) -> None:
        if cell.channel is None:
            raise ValueError("a worker needs a channel")
        self._cell = cell
        self._channel = Channel(cell.channel)
        self._jobs: dict[str, _AnyInbox] = {}
        self._receiving: tuple[str, VectorInbox] | None = None
        self._warm = asyncio.Event()
        self._on_card = False
        self._ready: asyncio.Future[tuple[Finding, ...]] = asyncio.get_running_loop().create_future()
        self._heard_at: float | None = None
        self._last_words = ""
        self._stats: Mapping[str, Counters] = {}
        self._watchdog = Watchdog(
            cell, self._silent_for_s, device_memory=device_memory, device_memory_bytes=device_memory_bytes
        )
        self._life = asyncio.create_task(self._live(), name="worker life")

    # --- what the node uses ------------------------------------------------------------------------------------------

    @property
    def cell(self) -> Cell:
        """The process it is in."""
        return self._cell

    @property
    def mode(self) -> SandboxMode:
        """How well it is shut in."""
        return self._cell.mode

    @property
    def pids(self) -> list[int]:
        """Its processes, the worker itself last; empty once it has ended."""
        return self._cell.family()

    @property
    def stats(self) -> Mapping[str, Counters]:
        """What the engines said of themselves at most a second ago, by model."""
        return self._stats

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory it was seen to hold."""
        return self._watchdog.peak_memory_bytes

    async def generate(self, generation: Generation) -> AsyncGenerator[Delta | Finish, None]:
        """The pieces of an answer as they come, a Finish last.

        Leaving the iterator (use `contextlib.aclosing`) cancels the job. Raises RequestError, ContextOverflow or
        ModelNotFound for a request that cannot be served, WorkerDied when the worker ends before the answer does.
        """
        frame = _sound(generation)
        inbox = AnswerInbox(generation)
        self._open(generation.job_id, inbox, frame)
        try:
            async with aclosing(inbox.events()) as events:
                async for event in events:
                    yield event
        finally:
            if self._jobs.get(generation.job_id) is inbox:
                inbox.abandon()
                self._channel.post(encode(Cancel(generation.job_id)))

    async def embed(self, batch: EmbeddingBatch) -> Embeddings:
        """One vector of unit length per text. Cancelling the task cancels the job; errors as for `generate`."""
        frame = _sound(batch)
        inbox = VectorInbox(batch)
        self._open(batch.job_id, inbox, frame)
        try:
            return await inbox.result
        finally:
            if self._jobs.get(batch.job_id) is inbox:
                self._channel.post(encode(Cancel(batch.job_id)))

    async def measure(self, order: BenchmarkOrder) -> AsyncGenerator[BenchmarkEvent, None]:
        """What a benchmark tells, a Closing last. Leaving the iterator ends it; errors as for `generate`.

        WorkerError while the worker has other work.
        """
        frame = _sound(order)
        inbox = BenchmarkInbox()
        self._open(order.job_id, inbox, frame)
        try:
            async with aclosing(inbox.events()) as events:
                async for event in events:
                    yield event
        finally:
            if self._jobs.get(order.job_id) is inbox:
                self._channel.post(encode(Cancel(order.job_id)))

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; its Finish still comes, within one step. A job that is not there is left alone."""
        if job_id in self._jobs:
            self._channel.post(encode(Cancel(job_id)))

    def set_duty(self, share: float) -> None:
        """Have it compute for that share of the time (`domain.limits.LEAST_DUTY` … 1) from the next step on."""
        self._channel.post(encode(Duty(share)))

    async def stop(self, grace_s: float) -> None:
        """End the worker, by force after the grace; open jobs end with WorkerDied."""
        self._channel.post(encode(Stop()))
        try:
            async with asyncio.timeout(grace_s):
                await asyncio.shield(self._life)
        except TimeoutError:
            self._cell.kill()
            await asyncio.shield(self._life)

    def kill(self) -> None:
        """End the worker now."""
        self._cell.kill()

    async def vanish(self) -> None:
        """End the worker by force; return when the kernel has taken back all that it held.

        On a graphics card that is when its processes are gone; main memory alone is free before that.
        """
        family = self._cell.family()
        hurry(family)
        self._cell.kill()
        await asyncio.to_thread(take_memory_back, family)
        while any(holds_anything(pid) for pid in family):
            if not self._on_card and not memory_of(family):
                return
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def wait_closed(self) -> str:
        """Wait for the end of the worker; why it came, in words."""
        return await asyncio.shield(self._life)

    # --- what the launcher uses --------------------------------------------------------------------------------------

    async def warmed(self) -> None:
        """Return when its imports are done; WorkerDied, with what it printed, when it ended before."""
        warm = asyncio.create_task(self._warm.wait(), name="worker warm")
        try:
            await asyncio.wait({warm, self._life}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            warm.cancel()
        if not self._warm.is_set():
            raise _died(self._life.result(), printed=self._cell.log)

    async def begin(
        self,
        models: Sequence[tuple[CatalogueEntry, Path]],
        targets: Targets,
        device: DeviceName = "cpu",
        memory_bytes: int | None = None,
    ) -> tuple[Finding, ...]:
        """Have these models loaded on that device and the sandbox tried; what the trial found.

        `memory_bytes` is the most of a card's memory that it may take; None: all. Raises what the worker failed with,
        WorkerDied with what it printed when it just ended.
        """
        places = tuple(
            ModelPlace(entry, self._cell.line.layout.translate(str(folder.resolve()))) for entry, folder in models
        )
        self._on_card = device != "cpu"
        self._channel.post(encode(Begin(places, targets, device, memory_bytes)))
        return await asyncio.shield(self._ready)

    # --- the conversation --------------------------------------------------------------------------------------------

    def _open(self, job_id: str, inbox: _AnyInbox, frame: bytes) -> None:
        if self._life.done():
            raise _died(self._life.result())
        if job_id in self._jobs:
            raise RequestError("A job of this id is already running.", parameter="job_id")
        self._jobs[job_id] = inbox
        self._channel.post(frame)

    async def _live(self) -> str:
        """Listen and watch until the worker ends, then end all that waits for it."""
        writer = asyncio.create_task(self._channel.write_all(), name="worker writer")
        watch = asyncio.create_task(self._watchdog.watch(), name="worker watchdog")
        try:
            broken = await self._listen()
        except BaseException:
            # A bug on this side, or this side is ending: nobody may be left waiting for a worker nobody hears.
            self._cell.kill()
            self._fail_all("The node stopped listening to it.")
            raise
        try:
            # Its side is closed; what remains is to exit, which takes no time.
            async with asyncio.timeout(_LAST_WORDS_WITHIN_S):
                await self._cell.wait()
        except TimeoutError:
            self._cell.kill()
        status = await self._cell.close()
        writer.cancel()
        reason = await watch or broken or self._last_words or _ending(status)
        if not self._ready.done():
            self._ready.set_exception(_died(reason, printed=self._cell.log))
            self._ready.exception()  # whether anybody still waits is not this task's business
        self._fail_all(reason)
        return reason

    def _fail_all(self, reason: str) -> None:
        for inbox in self._jobs.values():
            inbox.fail(_died(reason))
        self._jobs.clear()

    async def _listen(self) -> str:
        """Take frames to the end of the conversation; the rule that was broken, if one was."""
        try:
            while (frame := await self._channel.receive()) is not None:
                self._heard_at = asyncio.get_running_loop().time()
                self._take(frame)
        except FrameError as error:
            self._cell.kill()
            return f"It broke the rules of the conversation: {error}"
        return ""

    def _take(self, frame: Frame) -> None:
        if self._receiving is not None:
            job_id, inbox = self._receiving
            if frame.kind is not FrameKind.RAW:
                raise FrameError("Vectors were announced and something else came.")
            if inbox.put(frame.payload):
                self._receiving = None
                del self._jobs[job_id]
            return
        if frame.kind is not FrameKind.MESSAGE:
            raise FrameError("Raw bytes came that nobody announced.")
        self._hear(decode_from_worker(frame.payload))

    def _hear(self, word: FromWorker) -> None:
        match word:
            case Piece():
                self._job(word.job_id, AnswerInbox).put(word)
            case Done():
                self._any_job(word.job_id).finish(word)
                del self._jobs[word.job_id]
            case Refused():
                self._any_job(word.job_id).fail(word.error())
                del self._jobs[word.job_id]
            case Vectors():
                inbox = self._job(word.job_id, VectorInbox)
                inbox.announce(word)
                self._receiving = (word.job_id, inbox)
            case Told():
                if self._job(word.job_id, BenchmarkInbox).put(word.event):
                    del self._jobs[word.job_id]
            case Pulse():
                self._stats = word.stats
            case _:
                self._hear_of_life(word)

    def _hear_of_life(self, word: FromWorker) -> None:
        match word:
            case Warm():
                if self._warm.is_set():
                    raise FrameError("The worker said twice that it is warm.")
                self._warm.set()
            case Ready():
                if self._ready.done():
                    raise FrameError("The worker said twice that it is ready.")
                self._cell.forget_log()
                self._ready.set_result(word.findings)
            case Failed():
                error = word.error()
                self._last_words = str(error)
                if not self._ready.done():
                    self._ready.set_exception(error)
                    self._ready.exception()  # as above

    def _job(self, job_id: str, kind: type[_Inbox]) -> _Inbox:
        inbox = self._any_job(job_id)
        if not isinstance(inbox, kind):
            raise FrameError("The worker answered with another kind of answer than was asked for.")
        return inbox

    def _any_job(self, job_id: str) -> _AnyInbox:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise FrameError("The worker spoke of a job it does not have.") from None

    def _silent_for_s(self) -> float:
        """A spare one waits, loading may take long and has a deadline of its own; after that it speaks every second."""
        if self._heard_at is None or not self._ready.done():
            return 0.0
        return asyncio.get_running_loop().time() - self._heard_at


def _sound(request: Generation | EmbeddingBatch | BenchmarkOrder) -> bytes:
    """The request's frame, or RequestError: the worker ends at a bad frame, so none is ever sent to it."""
    try:
        frame = encode(_word(request))
        decode_from_node(frame[HEADER_BYTES:])
    except (FrameError, ValueError) as error:
        raise RequestError(
            "The request cannot be passed to the model.",
            why="It is too long, or a number in it is out of range.",
            now="Make it shorter, and keep to the limits this node advertises.",
        ) from error
    return frame


def _word(request: Generation | EmbeddingBatch | BenchmarkOrder) -> ToWorker:
    match request:
        case Generation():
            return Generate.of(request)
        case EmbeddingBatch():
            return Embed.of(request)
        case _:
            return Measure.of(request)


def _died(reason: str, *, printed: str = "") -> WorkerDied:
    return WorkerDied(
        "The worker ended.", why=f"{reason} {printed}".strip(), now="It is started again; try again then."
    )


def _ending(status: int) -> str:
    # bubblewrap passes a signal on as a shell would.
    number = -status if status < 0 else status - _SIGNAL_BASE
    if number in set(signal.Signals):
        return f"It was ended by {signal.Signals(number).name}."
    return f"It exited with status {status}."
