"""NVML as its documentation describes it, with cards made up of plain values that a test may change at any time.

In place of a value stands `FailsWith` (the call fails) or a `Hang` (the call blocks until it is let go).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TypeVar, cast

import pynvml

Value = TypeVar("Value")


@dataclass
class FakeMemory:
    total: int = 24 << 30
    used: int = 2 << 30


@dataclass
class FakeUtilisation:
    gpu: int = 37


@dataclass
class FakeProcess:
    pid: int
    usedGpuMemory: int | None = 1 << 30  # noqa: N815 - NVML's own name


@dataclass
class FakeSample:
    pid: int
    timeStamp: int  # noqa: N815 - NVML's own name
    smUtil: int  # noqa: N815 - NVML's own name
    encUtil: int = 0  # noqa: N815 - NVML's own name
    decUtil: int = 0  # noqa: N815 - NVML's own name


@dataclass
class FailsWith:
    """Put in place of a value: the call fails with that NVML error code."""

    code: int


@dataclass
class Hang:
    """Put in place of a value: the call blocks until `over` is set, then fails with a timeout."""

    over: threading.Event = field(default_factory=threading.Event)


@dataclass
class FakeCard:
    uuid: str | FailsWith = "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10"
    name: str | FailsWith | Hang = "NVIDIA GeForce RTX 4090"
    gone: FailsWith | Hang | None = None
    memory: FakeMemory | FailsWith | Hang = field(default_factory=FakeMemory)
    power_mw: int | FailsWith | Hang = 21_500
    energy_mj: int | FailsWith | Hang = 5_000_000
    temperature_c: int | FailsWith | Hang = 41
    fan_percent: int | FailsWith = 30
    core_mhz: int | FailsWith = 2520
    memory_mhz: int | FailsWith = 10_501
    pcie: tuple[int, int] | FailsWith = (4, 16)
    capability: tuple[int, int] | FailsWith = (8, 9)
    utilisation: FakeUtilisation | FailsWith | Hang = field(default_factory=FakeUtilisation)
    throttle_reasons: int | FailsWith = 0
    computing: list[FakeProcess] | FailsWith | Hang = field(default_factory=list)
    drawing: list[FakeProcess] | FailsWith = field(default_factory=list)
    samples: list[FakeSample] | FailsWith = field(default_factory=list)
    limit_mw: int | FailsWith = 450_000
    default_limit_mw: int | FailsWith = 450_000
    limit_range_mw: tuple[int, int] | FailsWith = (150_000, 600_000)
    set_limit: FailsWith | Hang | None = None


@dataclass
class FakeNvml:
    """`init` is the error code of the next `nvmlInit`, None if it works."""

    cards: list[FakeCard] = field(default_factory=list)
    init: int | None = None
    driver: str | FailsWith = "580.95.05"
    opened: int = 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        if self.init is not None:
            raise _error(self.init)
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802 - NVML's own name
        self.opened -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802 - NVML's own name
        return _given(self.driver)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        if self.init is not None:
            raise _error(pynvml.NVML_ERROR_UNINITIALIZED)
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802 - NVML's own name
        return self.cards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object:  # noqa: N802 - NVML's own name
        if self.init is not None:
            raise _error(pynvml.NVML_ERROR_UNINITIALIZED)
        for card in self.cards:
            if card.uuid == uuid:
                return card
        raise _error(pynvml.NVML_ERROR_NOT_FOUND)

    def nvmlDeviceGetIndex(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return next(index for index, card in enumerate(self.cards) if card is _card(handle))

    def nvmlDeviceGetUUID(self, handle: object) -> str:  # noqa: N802 - NVML's own name
        return _given(_card(handle).uuid)

    def nvmlDeviceGetName(self, handle: object) -> str:  # noqa: N802 - NVML's own name
        return _given(_card(handle).name)

    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> tuple[int, int]:  # noqa: N802 - NVML's own name
        return _given(_card(handle).capability)

    def nvmlDeviceGetMaxPcieLinkGeneration(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).pcie)[0]

    def nvmlDeviceGetMaxPcieLinkWidth(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).pcie)[1]

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> FakeMemory:  # noqa: N802 - NVML's own name
        return _given(_card(handle).memory)

    def nvmlDeviceGetPowerUsage(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).power_mw)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).energy_mj)

    def nvmlDeviceGetTemperature(self, handle: object, sensor: int) -> int:  # noqa: N802 - NVML's own name
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return _given(_card(handle).temperature_c)

    def nvmlDeviceGetFanSpeed(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).fan_percent)

    def nvmlDeviceGetClockInfo(self, handle: object, clock: int) -> int:  # noqa: N802 - NVML's own name
        card = _card(handle)
        return _given({pynvml.NVML_CLOCK_GRAPHICS: card.core_mhz, pynvml.NVML_CLOCK_MEM: card.memory_mhz}[clock])

    def nvmlDeviceGetUtilizationRates(self, handle: object) -> FakeUtilisation:  # noqa: N802 - NVML's own name
        return _given(_card(handle).utilisation)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).throttle_reasons)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: object) -> list[FakeProcess]:  # noqa: N802 - NVML's own name
        return _given(_card(handle).computing)

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: object) -> list[FakeProcess]:  # noqa: N802 - NVML's own name
        return _given(_card(handle).drawing)

    def nvmlDeviceGetProcessUtilization(self, handle: object, since_us: int) -> list[FakeSample]:  # noqa: N802 - NVML's own name
        found = [sample for sample in _given(_card(handle).samples) if sample.timeStamp > since_us]
        if not found:  # what pynvml makes of an empty list
            raise _error(pynvml.NVML_SUCCESS)
        return found

    def nvmlDeviceGetPowerManagementLimit(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).limit_mw)

    def nvmlDeviceGetPowerManagementDefaultLimit(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(_card(handle).default_limit_mw)

    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle: object) -> tuple[int, int]:  # noqa: N802 - NVML's own name
        return _given(_card(handle).limit_range_mw)

    def nvmlDeviceSetPowerManagementLimit(self, handle: object, milliwatts: int) -> None:  # noqa: N802 - NVML's own name
        card = _card(handle)
        least, most = _given(card.limit_range_mw)
        _given(card.set_limit)
        if not least <= milliwatts <= most:
            raise _error(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        card.limit_mw = milliwatts


def _card(handle: object) -> FakeCard:
    card = cast("FakeCard", handle)
    _given(card.gone)
    return card


def _given(value: Value | FailsWith | Hang) -> Value:
    if isinstance(value, FailsWith):
        raise _error(value.code)
    if isinstance(value, Hang):
        value.over.wait()
        raise _error(pynvml.NVML_ERROR_TIMEOUT)
    return value


def _error(code: int) -> pynvml.NVMLError:
    return pynvml.NVMLError(code)  # type: ignore[no-untyped-call]  # the package has no types
