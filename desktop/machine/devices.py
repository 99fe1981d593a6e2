"""What this computer can compute with: processor, memory, and NVIDIA cards as their driver (NVML) describes them.

What is not known is None, never zero and never a guess. Not covered yet: AMD and Intel cards.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import psutil
import pynvml

if sys.platform == "win32":
    from desktop.machine.windows import cpu_model, nvidia_cards_on_bus
else:
    from desktop.machine.linux import cpu_model, nvidia_cards_on_bus

_WATT_IN_MILLIWATTS: Final = 1000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor and the main memory. `usable_cores` are the logical cores this process may run on."""

    model: str | None
    physical_cores: int | None
    usable_cores: int
    memory_total_bytes: int
    memory_available_bytes: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card at one moment. `uuid` stays the same over restarts, `index` may not."""

    index: int
    uuid: str
    name: str | None
    driver: str | None
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    power_w: float | None
    temperature_c: int | None
    utilisation_percent: int | None


@dataclass(frozen=True, slots=True)
class GpuReading:
    """The cards that answered, and in words why there are none, or why one is missing; empty if all is well."""

    gpus: tuple[Gpu, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Computer:
    """All of it at one moment. `cards_on_bus` are the NVIDIA cards that are plugged in, with or without a driver."""

    cpu: Cpu
    graphics: GpuReading
    cards_on_bus: int


class Memory(Protocol):
    """NVML's memory figures, in bytes."""

    total: int
    used: int


class Utilisation(Protocol):
    """NVML's utilisation rates, in percent of the last sampling period."""

    gpu: int


class Nvml(Protocol):
    """The part of the `pynvml` module that is used. Every call may raise `pynvml.NVMLError`."""

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVML's own names, described by its maker
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102 - as above
    def nvmlSystemGetDriverVersion(self) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetHandleByIndex(self, index: int) -> object: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetUUID(self, handle: object) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetName(self, handle: object) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetMemoryInfo(self, handle: object) -> Memory: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetPowerUsage(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetTemperature(self, handle: object, sensor: int) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetUtilizationRates(self, handle: object) -> Utilisation: ...  # noqa: N802, D102 - as above


class NvidiaCards:
    """Reads the NVIDIA cards of this computer; keeps NVML open between readings."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml
        self._open = False

    def read(self) -> GpuReading:
        """The cards as they are now. Never raises for a missing, old, busy or broken driver: the reason tells."""
        try:
            if not self._open:
                self._nvml.nvmlInit()
                self._open = True
            driver = _known(self._nvml.nvmlSystemGetDriverVersion)
            count = self._nvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            # The driver may be updated while we run: the next reading starts anew.
            self.close()
            return GpuReading((), _told(error))
        gpus: list[Gpu] = []
        silent: list[str] = []
        for index in range(count):
            try:
                gpus.append(self._read_one(index, driver))
            except pynvml.NVMLError as error:
                silent.append(f"Card {index}: {_told(error)}")
        return GpuReading(tuple(gpus), " ".join(silent))

    def close(self) -> None:
        """Let go of the driver; the next reading opens it again."""
        if self._open:
            self._open = False
            _known(self._nvml.nvmlShutdown)

    def _read_one(self, index: int, driver: str | None) -> Gpu:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = _known(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        power_mw = _known(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        rates = _known(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        return Gpu(
            index=index,
            uuid=nvml.nvmlDeviceGetUUID(handle),
            name=_known(lambda: nvml.nvmlDeviceGetName(handle)),
            driver=driver,
            memory_total_bytes=None if memory is None else memory.total,
            memory_used_bytes=None if memory is None else memory.used,
            power_w=None if power_mw is None else power_mw / _WATT_IN_MILLIWATTS,
            temperature_c=_known(lambda: nvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
            utilisation_percent=None if rates is None else rates.gpu,
        )


def survey(cards: NvidiaCards) -> Computer:
    """This computer as it is now."""
    return Computer(cpu=read_cpu(), graphics=cards.read(), cards_on_bus=nvidia_cards_on_bus())


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


def _affinity() -> Sequence[int]:
    try:
        return psutil.Process().cpu_affinity() or ()
    except AttributeError:  # macOS has none
        return range(psutil.cpu_count() or 1)


def _known(read: Callable[[], Value]) -> Value | None:
    try:
        return read()
    except pynvml.NVMLError:
        return None


def _told(error: pynvml.NVMLError) -> str:
    words = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "No NVIDIA driver is installed.",
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "The NVIDIA driver is installed but not loaded.",
        pynvml.NVML_ERROR_NO_PERMISSION: "This user may not talk to the NVIDIA driver.",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "The NVIDIA driver was updated: restart the computer.",
        pynvml.NVML_ERROR_GPU_IS_LOST: "The card no longer answers: restart the computer.",
        pynvml.NVML_ERROR_RESET_REQUIRED: "The card needs a reset: restart the computer.",
    }
    code = getattr(error, "value", pynvml.NVML_ERROR_UNKNOWN)  # set by the class's constructor, unseen by type checkers
    return words.get(code, f"The NVIDIA driver says: {error}.")
