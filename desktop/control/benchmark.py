"""The benchmark of a running node: one at a time, while it takes no jobs; its progress and its last result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from desktop.control.measuring import Bench, Measuring, Progress
from desktop.control.snapshot import MeasuredPart, Measurement
from desktop.domain.benchmark import Part, compare, writing
from desktop.domain.errors import HearthError
from desktop.proof.benchmark import SignedBenchmark

log = logging.getLogger(__name__)

HEADLINE: Final = writing(1)


class Workshop(Protocol):
    """Where a node's devices are measured, and where what they said is kept."""

    def bench(self, device_id: str) -> Bench:
        """What is to be measured; of the first device that works if none is named.

        Unavailable, in words, while jobs run, while the node starts or is paused, and where no model works there.
        """
        ...

    def hold(self, device_id: str) -> Callable[[], None]:
        """From now on the node takes no jobs, until what is returned is called."""
        ...

    async def keep(self, device_id: str, signed: SignedBenchmark) -> None:
        """Write it down and name it in the announcement."""
        ...

    async def last(self, device_id: str) -> tuple[str, SignedBenchmark] | None:
        """The device and the last report about it; of any device if none is named. None before the first."""
        ...


class Benchmark:
    """One measurement at a time; `result` is its latest state, `changed` is called when that is another.

    What it says is an estimate for the time before the first jobs: nobody is ever paid by it.
    """

    def __init__(
        self, workshop: Workshop, measuring: Measuring, *, changed: Callable[[], None], new_seed: Callable[[], str]
    ) -> None:
        self._workshop = workshop
        self._measuring = measuring
        self._changed = changed
        self._new_seed = new_seed
        self._task: asyncio.Task[None] | None = None
        self._release: Callable[[], None] | None = None
        self.result: Measurement | None = None

    async def restore(self) -> None:
        """Show what was measured last, before this node was started."""
        last = await self._workshop.last("")
        if last is not None and self.result is None:
            self.result = measurement_of(*last, None)

    def start(self, device_id: str = "", seed: str = "", soak_minutes: int = 0) -> None:
        """Begin, unless it runs. Raises Unavailable, with the reason, where nothing can be measured now."""
        if self._task is not None:
            return
        bench = self._workshop.bench(device_id)
        # At once: between this line and the task's first step a job could come.
        self._release = self._workshop.hold(bench.device.id)
        self._task = asyncio.create_task(self._run(bench, seed or self._new_seed(), soak_minutes), name="benchmark")
        self._show(Measurement(running=True, share_done=0.0, device_id=bench.device.id))

    async def cancel(self) -> None:
        """End it; what was measured so far is dropped, and what was shown before is shown again."""
        task = self._task
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        self._let_go()
        self.result = None
        await self.restore()
        self._changed()

    async def _run(self, bench: Bench, seed: str, soak_minutes: int) -> None:
        try:
            shown = await self._measured(bench, seed, soak_minutes)
        except HearthError as error:
            shown = self._failed(bench, str(error))
        except Exception:
            # Nobody waits for this task: unseen, the measurement would seem to run for ever.
            log.exception("a benchmark ended by a bug")
            shown = self._failed(bench, "Hearth made a mistake; its log says more.")
        finally:
            self._let_go()
        # Last: whoever sees that it ended may begin the next.
        self._show(shown)

    async def _measured(self, bench: Bench, seed: str, soak_minutes: int) -> Measurement:
        device_id = bench.device.id
        before = await self._workshop.last(device_id)
        signed = await self._measuring.run(
            bench, seed, lambda progress: self._tell(device_id, progress), soak_minutes=soak_minutes
        )
        await self._workshop.keep(device_id, signed)
        return measurement_of(device_id, signed, None if before is None else before[1])

    def _failed(self, bench: Bench, why: str) -> Measurement:
        return Measurement(running=False, share_done=0.0, device_id=bench.device.id, detail=why)

    def _let_go(self) -> None:
        """The node takes jobs again; once per run, and also where the task never came to its first step."""
        release, self._release, self._task = self._release, None, None
        if release is not None:
            release()

    def _tell(self, device_id: str, progress: Progress) -> None:
        so_far = Measurement(
            running=True,
            share_done=progress.share_done,
            device_id=device_id,
            phase=progress.words,
            parts=tuple(_shown(part, ()) for part in progress.parts),
        )
        self._show(_headed(so_far, progress.parts))

    def _show(self, result: Measurement) -> None:
        self.result = result
        self._changed()


def measurement_of(device_id: str, signed: SignedBenchmark, before: SignedBenchmark | None) -> Measurement:
    """A finished run as the window shows it, beside the run before it if that was of the same model."""
    report = signed.report
    same = before is not None and before.report.model == report.model
    earlier = before.parts if before is not None and same else ()
    measured = Measurement(
        running=False,
        share_done=1.0,
        at_ms=report.at_ms,
        device_id=device_id,
        parts=tuple(_shown(part, earlier) for part in signed.parts),
        notes=report.preflight.notes,
        settled=report.warm_up.settled,
        digest=signed.digest,
    )
    return _headed(measured, signed.parts)


def _headed(measurement: Measurement, parts: Sequence[Part]) -> Measurement:
    """With the one number that says most."""
    part = next((part for part in parts if part.name == HEADLINE), None)
    if part is None or part.median is None or part.low is None or part.high is None:
        return measurement
    factor, _ = part.unit.shown
    return msgspec.structs.replace(
        measurement, tokens_per_s=part.median * factor, low=part.low * factor, high=part.high * factor
    )


def _shown(part: Part, before: tuple[Part, ...]) -> MeasuredPart:
    shown = msgspec.convert(part, MeasuredPart, from_attributes=True)
    same = next((each for each in before if each.name == part.name), None)
    return msgspec.structs.replace(shown, change=compare(part, same))
