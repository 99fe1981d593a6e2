"""A device with its driver, and a worker that measures it, at the seams of a benchmark."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from desktop.control.benchmark import Benchmark, Workshop
from desktop.control.measuring import Bench, Measuring
from desktop.domain.benchmark import (
    SOAKING,
    SPEED_KEPT,
    BenchmarkEvent,
    BenchmarkOrder,
    Closing,
    EnergyWindow,
    Part,
    Phase,
    Unit,
)
from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import HearthError, Unavailable
from desktop.domain.model import Model, ModelKind
from desktop.proof.benchmark import BenchmarkSigner, SignedBenchmark

MODEL = Model("tiny", "Tiny", ModelKind.CHAT, 1000, 2048, 1024, "float32", "Apache-2.0", "ab" * 32)


@dataclass
class FakeGauge:
    """A driver whose clock runs on with every reading; `watts` None: it counts no energy."""

    watts: float | None = None
    step_ms: int = 1000
    telemetry: Telemetry = Telemetry(0, load=0.02, temperature_c=40.0)  # noqa: RUF009 - a frozen value
    at_ms: int = 1_800_000_000_000
    counted_j: float = 500.0

    async def read(self, device_id: str) -> Telemetry:
        assert device_id
        self.at_ms += self.step_ms
        if self.watts is not None:
            self.counted_j += self.watts * self.step_ms / 1000
        return Telemetry(
            self.at_ms,
            load=self.telemetry.load,
            temperature_c=self.telemetry.temperature_c,
            power_w=self.watts,
            energy_j=None if self.watts is None else self.counted_j,
            processes=self.telemetry.processes,
            throttled=self.telemetry.throttled,
            silence=self.telemetry.silence,
        )


@dataclass
class FakeMeasurer:
    """Tells what a worker would; `gate` holds it up before its end, `error` ends it."""

    rate: int = 20_000
    error: HearthError | None = None
    gate: asyncio.Event | None = None
    orders: list[BenchmarkOrder] = field(default_factory=list)
    left: int = 0
    pids: tuple[int, ...] = (1,)

    async def measure(self, order: BenchmarkOrder) -> AsyncGenerator[BenchmarkEvent, None]:
        self.orders.append(order)
        try:
            yield Phase("Warming up until the speed is steady", 0.1)
            yield Part("write, 1 at once", Unit.TOKENS, self.rate, self.rate - 100, self.rate + 100, 10)
            yield Part("copy to the card", Unit.BYTES, note="The processor needs none.")
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            for _ in range(order.energy_windows):
                yield EnergyWindow(ended=False)
                yield EnergyWindow(ended=True, tokens=100)
            for share in range(order.soak_ms // 60_000):
                yield Phase(SOAKING, share / 60)
            if order.soak_ms:
                yield Part(f"{SPEED_KEPT} {order.soak_ms // 60_000} min", Unit.SHARE, 950_000, 940_000, 960_000, 10)
            yield Closing("2.13.0", 1, "float32", 4, settled=True, outputs={"write, 1 at once": "cd" * 32})
        finally:
            self.left += 1


def a_measuring(gauge: FakeGauge | None = None) -> Measuring:
    """The real thing over a fake driver, which waits for nothing."""
    driver = gauge or FakeGauge()

    async def at_once(seconds: float) -> None:
        del seconds

    signer = BenchmarkSigner(b"\x05" * 32)
    return Measuring(driver, signer, version="0.1.0", now_ms=lambda: driver.at_ms, sleep=at_once)


def a_benchmark(workshop: Workshop | None = None, changed: Callable[[], None] = lambda: None) -> Benchmark:
    """A benchmark over fakes, or over a real workshop."""
    return Benchmark(workshop or FakeWorkshop(), a_measuring(), changed=changed, new_seed=lambda: "0a" * 32)


@dataclass
class FakeWorkshop:
    """A `Workshop` with one device; `held` while it takes no jobs, `busy` is why nothing can be measured."""

    worker: FakeMeasurer = field(default_factory=FakeMeasurer)
    held: bool = False
    busy: str = ""
    kept: list[tuple[str, SignedBenchmark]] = field(default_factory=list)

    def bench(self, device_id: str) -> Bench:
        if self.busy:
            raise Unavailable("Not now.", why=self.busy)
        device = Device(device_id or "cpu", DeviceKind.CPU, "An old one", 0, 1 << 33)
        return Bench(device, MODEL, self.worker)

    def hold(self, device_id: str) -> Callable[[], None]:
        assert device_id
        assert not self.held
        self.held = True

        def release() -> None:
            self.held = False

        return release

    async def keep(self, device_id: str, signed: SignedBenchmark) -> None:
        self.kept.append((device_id, signed))

    async def last(self, device_id: str) -> tuple[str, SignedBenchmark] | None:
        return next((each for each in reversed(self.kept) if device_id in {"", each[0]}), None)
