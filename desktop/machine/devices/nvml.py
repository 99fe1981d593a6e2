"""NVML as we use it, and its errors in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import pynvml

Value = TypeVar("Value")

# After one of these nothing that was asked of the card, or of any card, can be believed.
_FATAL: Final = frozenset({
    pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_TIMEOUT,
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_IRQ_ISSUE,
})  # fmt: skip
_OPEN_AGAIN: Final = frozenset({
    pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
})  # fmt: skip


class Memory(Protocol):
    """NVML's memory figures, in bytes."""

    total: int
    used: int


class Utilisation(Protocol):
    """NVML's utilisation rates, in percent of the last sampling period."""

    gpu: int


class RunningProcess(Protocol):
    """A process with a context on the card. Windows does not tell its memory."""

    pid: int
    usedGpuMemory: int | None  # noqa: N815 - NVML's own name


class ProcessSample(Protocol):
    """What one process used in one sampling period, in percent; `timeStamp` in microseconds."""

    pid: int
    timeStamp: int  # noqa: N815 - NVML's own name
    smUtil: int  # noqa: N815 - NVML's own name
    encUtil: int  # noqa: N815 - NVML's own name
    decUtil: int  # noqa: N815 - NVML's own name


class Nvml(Protocol):
    """The part of the `pynvml` module that is used. Every call may raise `pynvml.NVMLError`, or hang.

    Powers are milliwatts, energies millijoules, clocks MHz, temperatures °C, fan and rates percent.
    """

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVML's own names, described by its maker
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102 - as above
    def nvmlSystemGetDriverVersion(self) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetHandleByIndex(self, index: int) -> object: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetIndex(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetUUID(self, handle: object) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetName(self, handle: object) -> str: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> Sequence[int]: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetMaxPcieLinkGeneration(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetMaxPcieLinkWidth(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetMemoryInfo(self, handle: object) -> Memory: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetPowerUsage(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetTotalEnergyConsumption(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetTemperature(self, handle: object, sensor: int) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetFanSpeed(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetClockInfo(self, handle: object, clock: int) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetUtilizationRates(self, handle: object) -> Utilisation: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetComputeRunningProcesses(self, handle: object) -> Sequence[RunningProcess]: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: object) -> Sequence[RunningProcess]: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetProcessUtilization(self, handle: object, since_us: int) -> Sequence[ProcessSample]: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetPowerManagementLimit(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetPowerManagementDefaultLimit(self, handle: object) -> int: ...  # noqa: N802, D102 - as above
    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle: object) -> Sequence[int]: ...  # noqa: N802, D102 - as above
    def nvmlDeviceSetPowerManagementLimit(self, handle: object, milliwatts: int) -> None: ...  # noqa: N802, D102 - as above


def known(read: Callable[[], Value]) -> Value | None:
    """What the call gives, or None where this card does not tell. Raises NVMLError only when the card answers no more.

    Cards, drivers and systems differ in what they tell; a value that is missing says nothing about the others.
    """
    try:
        return read()
    except pynvml.NVMLError as error:
        if is_fatal(error):
            raise
        return None


def code_of(error: pynvml.NVMLError) -> int:
    """NVML's number of that error."""
    # Set by the class's constructor, unseen by type checkers.
    return int(getattr(error, "value", pynvml.NVML_ERROR_UNKNOWN))


def is_fatal(error: pynvml.NVMLError) -> bool:
    """Whether the card, or the driver, answers no more at all."""
    return code_of(error) in _FATAL


def needs_opening(error: pynvml.NVMLError) -> bool:
    """Whether the driver went away under us and has to be opened again."""
    return code_of(error) in _OPEN_AGAIN


def in_words(error: pynvml.NVMLError) -> str:
    """The error for the owner."""
    words = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "No NVIDIA driver is installed.",
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "The NVIDIA driver is installed but not loaded.",
        pynvml.NVML_ERROR_NO_PERMISSION: "This user may not talk to the NVIDIA driver.",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "The NVIDIA driver was updated: restart the computer.",
        pynvml.NVML_ERROR_GPU_IS_LOST: "The card no longer answers: restart the computer.",
        pynvml.NVML_ERROR_RESET_REQUIRED: "The card needs a reset: restart the computer.",
        pynvml.NVML_ERROR_NOT_FOUND: "The card is no longer there.",
        pynvml.NVML_ERROR_INVALID_ARGUMENT: "The card is no longer there.",
    }
    return words.get(code_of(error), f"The NVIDIA driver says: {error}.")
