"""Devices that can compute, and what is seen of them at one moment. What is not known is None, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeviceKind(StrEnum):
    """Who made the device, which decides how it is read and which torch runs on it."""

    NVIDIA = "nvidia"
    AMD = "amd"
    INTEL = "intel"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Device:
    """What stays the same while the computer runs.

    `id` survives restarts and tells identical cards apart: NVML's UUID, else the PCI address, and `cpu` for the
    processor. `index` is the position its driver gives it now. `memory_bytes` is the device's own memory, for the
    processor the main memory. `capability` is NVIDIA's compute capability, such as (8, 9).
    """

    id: str
    kind: DeviceKind
    name: str | None
    index: int
    memory_bytes: int | None
    driver: str | None = None
    pcie: str | None = None
    capability: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process on a device: `load` is its share of the device between 0 and 1."""

    pid: int
    memory_bytes: int | None
    load: float | None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One reading of one device.

    Loads and fan are shares between 0 and 1. `energy_j` is a counter that only grows while the driver lives; it may
    start anew. `processes` None: the system does not tell; empty: nobody uses the device. `silence` says in words why
    the device did not answer, empty when it did.
    """

    at_ms: int
    load: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    fan: float | None = None
    core_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    energy_j: float | None = None
    processes: tuple[ProcessUse, ...] | None = None
    throttled: tuple[str, ...] = ()
    silence: str = ""
