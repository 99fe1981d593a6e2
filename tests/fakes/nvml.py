"""NVML as its documentation describes it, with cards made up of plain values."""

from __future__ import annotations

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
class FailsWith:
    """Put in place of a value: the call fails with that NVML error code."""

    code: int


@dataclass
class FakeCard:
    uuid: str | FailsWith = "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10"
    name: str | FailsWith = "NVIDIA GeForce RTX 4090"
    memory: FakeMemory | FailsWith = field(default_factory=FakeMemory)
    power_mw: int | FailsWith = 21_500
    temperature_c: int | FailsWith = 41
    utilisation: FakeUtilisation | FailsWith = field(default_factory=FakeUtilisation)


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

    def nvmlDeviceGetUUID(self, handle: object) -> str:  # noqa: N802 - NVML's own name
        return _given(cast("FakeCard", handle).uuid)

    def nvmlDeviceGetName(self, handle: object) -> str:  # noqa: N802 - NVML's own name
        return _given(cast("FakeCard", handle).name)

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> FakeMemory:  # noqa: N802 - NVML's own name
        return _given(cast("FakeCard", handle).memory)

    def nvmlDeviceGetPowerUsage(self, handle: object) -> int:  # noqa: N802 - NVML's own name
        return _given(cast("FakeCard", handle).power_mw)

    def nvmlDeviceGetTemperature(self, handle: object, sensor: int) -> int:  # noqa: N802 - NVML's own name
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return _given(cast("FakeCard", handle).temperature_c)

    def nvmlDeviceGetUtilizationRates(self, handle: object) -> FakeUtilisation:  # noqa: N802 - NVML's own name
        return _given(cast("FakeCard", handle).utilisation)


def _given(value: Value | FailsWith) -> Value:
    if isinstance(value, FailsWith):
        raise _error(value.code)
    return value


def _error(code: int) -> pynvml.NVMLError:
    return pynvml.NVMLError(code)  # type: ignore[no-untyped-call]  # the package has no types
