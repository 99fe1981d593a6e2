"""The processor: always there, and a device like any other."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.machine.devices.meter import Meter
from desktop.machine.devices.powercap import Package, packages
from desktop.machine.devices.source import Found

if sys.platform == "win32":
    from desktop.machine.windows import cpu_model
else:
    from desktop.machine.linux import cpu_model

CPU_ID: Final = "cpu"
# The sensors that are the processor's own, by the names of their Linux drivers.
_SENSORS: Final = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_LEAST_BETWEEN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor and the main memory. `usable_cores` are the logical cores this process may run on."""

    model: str | None
    physical_cores: int | None
    usable_cores: int
    memory_total_bytes: int
    memory_available_bytes: int


def read_cpu() -> Cpu:
    """Processor and memory as they are now."""
    memory = psutil.virtual_memory()
    return Cpu(
        model=cpu_model(),
        physical_cores=psutil.cpu_count(logical=False),
        usable_cores=len(_affinity()) or 1,
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
    )


class ProcessorSource:
    """Reads the processor and the main memory.

    Load is the share of all its threads since the reading before; the first one is unknown. Energy is what the
    processor's own counters (RAPL) tell, which on most systems only root may read. Which processes use it is not told.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._packages: tuple[tuple[Package, Meter], ...] | None = None
        self._times: tuple[float, float] | None = None
        self._last_load: float | None = None

    def find(self) -> Found:
        """The processor."""
        cpu = read_cpu()
        return Found((Device(CPU_ID, DeviceKind.CPU, cpu.model, index=0, memory_bytes=cpu.memory_total_bytes),))

    def read(self, device: Device, at_ms: int) -> Telemetry:
        """One reading; it always answers."""
        del device
        memory = psutil.virtual_memory()
        energy_j, power_w = self._energy(at_ms)
        return Telemetry(
            at_ms=at_ms,
            load=self._load(),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            temperature_c=_hottest(_temperatures()),
            power_w=power_w,
            energy_j=energy_j,
        )

    def close(self) -> None:
        """Nothing is held."""

    def _load(self) -> float | None:
        times = psutil.cpu_times()
        # Time given to virtual machines is in `user` already; waiting for a disk is not work.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        before = self._times
        if before is not None and total - before[0] < _LEAST_BETWEEN_S:
            return self._last_load
        self._times = (total, idle)
        if before is not None:
            self._last_load = min(max(1 - (idle - before[1]) / (total - before[0]), 0.0), 1.0)
        return self._last_load

    def _energy(self, at_ms: int) -> tuple[float | None, float | None]:
        """Joules and watts of all sockets together; None unless every one of them tells."""
        if self._packages is None:
            self._packages = tuple((package, Meter(package.range_j)) for package in packages(self._root))
        for package, meter in self._packages:
            meter.count(at_ms, package.read_j())
        return _sum([meter.energy_j for _, meter in self._packages]), _sum([m.power_w for _, m in self._packages])


def _sum(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) if told and len(told) == len(values) else None


def _affinity() -> Sequence[int]:
    try:
        return psutil.Process().cpu_affinity() or ()
    except AttributeError:  # macOS has none
        return range(psutil.cpu_count() or 1)


def _temperatures() -> Mapping[str, Sequence[object]]:
    read = getattr(psutil, "sensors_temperatures", None)  # not on Windows
    return {} if read is None else read()


def _hottest(sensors: Mapping[str, Sequence[object]]) -> float | None:
    """Of the processor's own sensors; others (disks, boards) say nothing about it."""
    readings = [float(getattr(each, "current", 0.0)) for name in _SENSORS for each in sensors.get(name, ())]
    return max(readings, default=None)
