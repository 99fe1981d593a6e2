"""A computer at the node's seams: an owner who comes and goes, devices that say what they are told, their workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import Unavailable
from desktop.domain.presence import Presence
from tests.fakes.worker import FakeWorker

GIB = 1 << 30
CPU = Device("cpu", DeviceKind.CPU, "A processor", 0, 16 * GIB)
CARD = Device("GPU-1", DeviceKind.NVIDIA, "A card", 0, 24 * GIB)
OTHER_CARD = Device("GPU-2", DeviceKind.NVIDIA, "A card", 1, 24 * GIB)
NOBODY = Presence(session=False)


def at_rest(device: Device = CPU, **changes: object) -> Telemetry:
    """A reading of a device that nobody uses."""
    usual: dict[str, object] = {
        "load": 0.0,
        "memory_used_bytes": 2 * GIB,
        "memory_total_bytes": device.memory_bytes,
        "processes": (),
    }
    return Telemetry(0, **{**usual, **changes})  # type: ignore[arg-type]  # mypy cannot match names


@dataclass
class FakeSenses:
    """`Senses`; `hangs` lists the devices that do not answer."""

    owner: Presence = NOBODY
    there: list[Device] = field(default_factory=lambda: [CPU])
    readings: dict[str, Telemetry] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)

    async def presence(self) -> Presence:
        return self.owner

    async def devices(self) -> Sequence[Device]:
        return tuple(self.there)

    async def telemetry(self, device_id: str) -> Telemetry:
        if device_id in self.hangs:
            await asyncio.Event().wait()
        return self.readings.get(device_id, at_rest())


class FakeWorkers:
    """`Workers` of one device. `failures` are raised by the next launches; while `gate` is clear, launches wait."""

    def __init__(
        self, *failures: Exception, script: tuple[str, ...] = ("Hello", " there"), gated: bool = False
    ) -> None:
        self.failures = list(failures)
        self.made: list[FakeWorker] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.spare_pids: list[int] = []
        self._script = script
        self._gated = gated

    async def launch(self) -> FakeWorker:
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.spare_pids = []
        self.made.append(FakeWorker(self._script, gated=self._gated))
        return self.made[-1]

    async def keep_spare(self) -> None:
        self.spare_pids = [4242]

    async def drop_spare(self) -> None:
        self.spare_pids = []


class OneWorker:
    """`Seats` at one worker that is always there. The real ones: `desktop.node.fleet`."""

    def __init__(self, worker: FakeWorker, *, slots: int = 4) -> None:
        self.worker = worker
        self.slots = slots
        self.shut = False
        self._free = asyncio.Semaphore(slots)

    @asynccontextmanager
    async def seat(self, sitter: object) -> AsyncIterator[FakeWorker]:
        del sitter
        if self.shut:
            raise Unavailable("No worker is ready.")
        async with self._free:
            yield self.worker
