"""One benchmark from the node's side: a look at the device before, the worker's course, energy, a signed report.

Used by the running node and, where none runs, by `hearth bench`. Nothing here is the worker's word alone that could be
read outside: temperature, power, other programs and energy come from the driver.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Protocol

import msgspec

from desktop.control.soaking import Gauge, SoakWatch
from desktop.domain.benchmark import (
    ENERGY,
    BenchmarkEvent,
    BenchmarkOrder,
    Closing,
    Commitment,
    EnergyWindow,
    Opening,
    Part,
    Phase,
    Unit,
)
from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import Unavailable
from desktop.domain.model import Model
from desktop.domain.products import bind
from desktop.node.metering import MOST_WATTS, between
from desktop.proof.benchmark import (
    BenchmarkReport,
    BenchmarkSigner,
    DeviceForm,
    ModelForm,
    PartForm,
    PreflightForm,
    ProductsForm,
    SignedBenchmark,
    SoftwareForm,
    WarmUpForm,
)

CPU_BUDGET_MS: Final = 50_000
GPU_BUDGET_MS: Final = 110_000
IDLE_LOOK_S: Final = 2.0
OVERTIME_S: Final = 60.0
ENERGY_WINDOWS: Final = 2
_LOOK_SHARE: Final = 0.03
_BUSY: Final = 0.1
_HOT_C: Final = 80.0
_CPU_BUFFERS: Final = 1 << 30
_GPU_BUFFERS: Final = 4 << 30
_MILLI: Final = 1000
_PPM: Final = 1_000_000
_MICRO: Final = 1_000_000


class Measurer(Protocol):
    """The part of a worker that measures."""

    @property
    def pids(self) -> Sequence[int]:
        """Its processes."""
        ...

    def measure(self, order: BenchmarkOrder) -> AsyncGenerator[BenchmarkEvent, None]:
        """What a benchmark tells, a Closing last; leaving it ends it."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured: a device, a model, and the worker that has both."""

    device: Device
    model: Model
    worker: Measurer


@dataclass(slots=True)
class Progress:
    """How far a run has come: what it does, in words, the share that is done, and the parts so far."""

    words: str = ""
    share_done: float = 0.0
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class _Notes:
    """What a course told that belongs into the report."""

    commitment: Commitment | None = None
    openings: list[Opening] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    closing: Closing | None = None


class Measuring:
    """Runs benchmarks and signs what they say. `sleep` and `now_ms` are the clock; budgets are of the whole."""

    def __init__(
        self,
        gauge: Gauge,
        signer: BenchmarkSigner,
        *,
        version: str,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        budget_ms: int | None = None,
    ) -> None:
        self._gauge = gauge
        self._signer = signer
        self._version = version
        self._now_ms = now_ms
        self._sleep = sleep
        self._budget_ms = budget_ms

    async def run(
        self, bench: Bench, seed: str, tell: Callable[[Progress], None], *, soak_minutes: int = 0
    ) -> SignedBenchmark:
        """Measure and sign. `seed` (32 bytes, hex) is a verifier's, or our own; `tell` hears of every step.

        `soak_minutes` more it works without a pause, to see whether the speed lasts.

        Raises Unavailable for a device that does not answer or a run that does not end, and what the worker fails with.
        Cancelling ends the worker's part within one of its steps.
        """
        start_ms = self._now_ms()
        progress, notes = Progress("Looking at the device before"), _Notes()
        tell(progress)
        before, preflight = await self._preflight(bench)
        budget_ms = self._budget_ms or (CPU_BUDGET_MS if bench.device.kind is DeviceKind.CPU else GPU_BUDGET_MS)
        order = BenchmarkOrder(
            job_id=f"benchmark-{uuid.uuid4().hex}",
            model_id=bench.model.id,
            seed=bind(bytes.fromhex(seed), self._signer.public_key).hex(),
            budget_ms=budget_ms,
            buffer_bytes=_buffers(bench.device, before),
            energy_windows=0 if before.energy_j is None else ENERGY_WINDOWS,
            soak_ms=soak_minutes * 60 * _MILLI,
        )
        try:
            async with asyncio.timeout((order.budget_ms + order.soak_ms) / _MILLI + OVERTIME_S):
                await self._follow(bench, order, progress, notes, tell)
        except TimeoutError:
            raise Unavailable(
                "The benchmark did not end in time.",
                why="The device or the computer is too busy, or too slow for this model.",
                now="Close other programs and measure again.",
            ) from None
        energy = _energy(notes.energies, counted=before.energy_j is not None)
        progress.parts.append(energy)
        tell(progress)
        return await asyncio.to_thread(
            self._sign, bench, seed, start_ms, preflight=preflight, parts=progress.parts, notes=notes
        )

    async def _preflight(self, bench: Bench) -> tuple[Telemetry, PreflightForm]:
        first = await self._gauge.read(bench.device.id)
        await self._sleep(IDLE_LOOK_S)
        second = await self._gauge.read(bench.device.id)
        if second.silence:
            raise Unavailable(
                "The device does not answer.", why=second.silence, now="See what `hearth doctor` says about it."
            )
        return second, preflight_of(first, second, bench.worker.pids)

    async def _follow(
        self, bench: Bench, order: BenchmarkOrder, progress: Progress, notes: _Notes, tell: Callable[[Progress], None]
    ) -> None:
        window: Telemetry | None = None
        watch = SoakWatch(self._gauge, bench.device.id)
        async with aclosing(bench.worker.measure(order)) as events:
            async for told in events:
                event = await watch.hear(told, self._now_ms())
                match event:
                    case Phase():
                        progress.words = event.words
                        progress.share_done = _LOOK_SHARE + (1 - _LOOK_SHARE) * event.share_done
                    case Part():
                        progress.parts.append(event)
                    case EnergyWindow():
                        now = await self._gauge.read(bench.device.id)
                        if event.ended and window is not None:
                            notes.energies += _joules_per_token(window, now, event.tokens)
                        window = now
                    case Commitment():
                        notes.commitment = event
                    case Opening():
                        notes.openings.append(event)
                    case Closing():
                        notes.closing = event
                if isinstance(event, Phase | Part):
                    tell(progress)

    def _sign(
        self, bench: Bench, seed: str, start_ms: int, *, preflight: PreflightForm, parts: Sequence[Part], notes: _Notes
    ) -> SignedBenchmark:
        device, model, work, closing = bench.device, bench.model, notes.commitment, notes.closing
        if closing is None:
            raise AssertionError("a course ends with its closing")
        report = BenchmarkReport(
            node=self._signer.public_key,
            at_ms=start_ms,
            took_ms=max(0, self._now_ms() - start_ms),
            device=DeviceForm(
                device.kind, device.name or "", device.memory_bytes, device.driver or "", device.pcie or ""
            ),
            software=SoftwareForm(self._version, closing.torch, closing.threads),
            model=ModelForm(model.id, model.digest, closing.dtype),
            preflight=preflight,
            warm_up=WarmUpForm(closing.windows, closing.settled),
            parts=tuple(msgspec.convert(part, PartForm, from_attributes=True) for part in parts),
            outputs=dict(closing.outputs),
            products=None if work is None else ProductsForm(seed, work.size, tuple(root.hex() for root in work.roots)),
        )
        return self._signer.sign(report, notes.openings)


def preflight_of(first: Telemetry, second: Telemetry, own_pids: Sequence[int]) -> PreflightForm:
    """How the device is before a run, from two readings of it, with warnings in words."""
    idle = between(first, second)
    others = None
    if second.processes is not None:
        others = sum(1 for each in second.processes if each.pid not in own_pids)
    notes = []
    if others:
        notes.append(f"{others} other program{' uses' if others == 1 else 's use'} the device.")
    if second.load is not None and second.load > _BUSY:
        notes.append(f"The device was {second.load * 100:.0f} % busy before: what is measured is what was left of it.")
    if second.throttled:
        notes.append(f"The device holds itself back: {', '.join(second.throttled)}."[:500])
    if second.temperature_c is not None and second.temperature_c >= _HOT_C:
        notes.append(f"The device was hot before: {second.temperature_c:.0f} °C.")
    return PreflightForm(
        idle_power_mw=None if idle is None else _milliwatts(idle.energy_mj, idle.end_ms - idle.start_ms),
        power_limit_mw=_scaled(second.power_limit_w, _MILLI),
        temperature_c=_scaled(second.temperature_c, 1),
        load_ppm=_scaled(second.load, _PPM),
        memory_used_bytes=second.memory_used_bytes,
        others=others,
        throttled=tuple(each[:200] for each in second.throttled[:32]),
        notes=tuple(notes),
    )


def _milliwatts(energy_mj: int | None, span_ms: int) -> int | None:
    return None if energy_mj is None else energy_mj * _MILLI // span_ms


def _scaled(value: float | None, factor: float) -> int | None:
    return None if value is None else round(value * factor)


def _buffers(device: Device, now: Telemetry) -> int:
    """Half of what is free, of what the worker may have anyway, and never so much that others suffer."""
    most = _CPU_BUFFERS if device.kind is DeviceKind.CPU else _GPU_BUFFERS
    if now.memory_total_bytes is None or now.memory_used_bytes is None:
        return most // 4
    return max(0, min(most, (now.memory_total_bytes - now.memory_used_bytes) // 2))


def _joules_per_token(before: Telemetry, after: Telemetry, tokens: int) -> list[float]:
    if before.energy_j is None or after.energy_j is None or not tokens:
        return []
    used_j, most_j = after.energy_j - before.energy_j, MOST_WATTS * (after.at_ms - before.at_ms) / _MILLI
    # A counter that started anew, wrapped or stands still says nothing.
    return [used_j * _MICRO / tokens] if 0 < used_j <= most_j else []


def _energy(windows: Sequence[float], *, counted: bool) -> Part:
    """The part about energy, of everything the device drew while it wrote as many answers at once as it can."""
    if not counted:
        return Part(ENERGY, Unit.ENERGY, note="Unknown: no energy counter of this device can be read.")
    if len(windows) < ENERGY_WINDOWS:
        return Part(ENERGY, Unit.ENERGY, note="Unknown: the energy counter did not count through both windows.")
    middle, low, high = (round(value) for value in (median(windows), min(windows), max(windows)))
    return Part(ENERGY, Unit.ENERGY, middle, low, high, len(windows))
