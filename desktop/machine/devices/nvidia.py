"""NVIDIA's cards, as their driver (NVML) describes them, on Linux and Windows alike.

Not covered: parts of a card (MIG), and process ids where this program runs in a container of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import pynvml

from desktop.domain.device import Device, DeviceKind, ProcessUse, Telemetry
from desktop.machine.devices.meter import Meter
from desktop.machine.devices.nvml import (
    Nvml,
    ProcessSample,
    RunningProcess,
    code_of,
    in_words,
    is_fatal,
    known,
    needs_opening,
)
from desktop.machine.devices.source import DeviceSilent, Found

_MILLI: Final = 1000
_WHOLE: Final = 100  # percent
_LOOK_BACK_US: Final = 1_000_000

# What keeps a card from its full clocks, as far as it says something to an owner.
_THROTTLES: Final = (
    (pynvml.nvmlClocksEventReasonSwPowerCap, "power limit"),
    (pynvml.nvmlClocksEventReasonSwThermalSlowdown, "heat"),
    (pynvml.nvmlClocksEventReasonHwThermalSlowdown, "heat, in hardware"),
    (pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, "power supply"),
    (pynvml.nvmlClocksEventReasonHwSlowdown, "slowed by its hardware"),
    (pynvml.nvmlClocksEventReasonSyncBoost, "slowest card of a group"),
    (pynvml.nvmlClocksEventReasonApplicationsClocksSetting, "clocks set by a program"),
)


class NvidiaSource:
    """Reads the NVIDIA cards of this computer; keeps NVML open between readings.

    Cards are known by their UUID, so two of the same make stay apart whatever order the driver puts them in. Different
    cards may be read from different threads at once.
    """

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml
        self._open = False
        self._opening = threading.Lock()
        self._meters: dict[str, Meter] = {}
        self._seen_us: dict[str, int] = {}

    def find(self) -> Found:
        """The cards that answer now."""
        nvml = self._nvml
        try:
            self._ensure_open()
            driver = known(nvml.nvmlSystemGetDriverVersion)
            count = nvml.nvmlDeviceGetCount()
        except DeviceSilent as silent:
            return Found((), str(silent))
        except pynvml.NVMLError as error:
            # The driver may be updated while we run: the next look starts anew.
            self.close()
            return Found((), in_words(error))
        devices: list[Device] = []
        silent_cards: list[str] = []
        for index in range(count):
            try:
                devices.append(self._describe(index, driver))
            except pynvml.NVMLError as error:
                silent_cards.append(f"Card {index}: {in_words(error)}")
        return Found(tuple(devices), " ".join(silent_cards))

    def read(self, device: Device, at_ms: int) -> Telemetry:
        """One reading, or DeviceSilent when the card or its driver is gone."""
        try:
            self._ensure_open()
            handle = self._nvml.nvmlDeviceGetHandleByUUID(device.id)
            return self._measure(device.id, handle, at_ms)
        except pynvml.NVMLError as error:
            if needs_opening(error):
                self.close()
            raise DeviceSilent(in_words(error)) from error

    def close(self) -> None:
        """Let go of the driver; the next call opens it again."""
        if self._open:
            self._open = False
            with suppress(pynvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _ensure_open(self) -> None:
        if self._open:
            return
        # Opening may hang as everything else may: who comes meanwhile does not hang with it.
        if not self._opening.acquire(blocking=False):
            raise DeviceSilent("The NVIDIA driver is being opened.")
        try:
            if not self._open:
                self._nvml.nvmlInit()
                self._open = True
        finally:
            self._opening.release()

    def _describe(self, index: int, driver: str | None) -> Device:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        uuid = nvml.nvmlDeviceGetUUID(handle)
        memory = known(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        generation = known(lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle))
        width = known(lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle))
        capability = known(lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
        return Device(
            id=uuid,
            kind=DeviceKind.NVIDIA,
            name=known(lambda: nvml.nvmlDeviceGetName(handle)),
            index=index,
            memory_bytes=None if memory is None else memory.total,
            driver=driver,
            pcie=f"PCIe {generation}.0 x{width}" if generation and width else None,
            capability=None if capability is None else (capability[0], capability[1]),
        )

    def _measure(self, uuid: str, handle: object, at_ms: int) -> Telemetry:
        nvml = self._nvml
        memory = known(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        rates = known(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        power_mw = known(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        limit_mw = known(lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle))
        fan = known(lambda: nvml.nvmlDeviceGetFanSpeed(handle))
        temperature_c = known(lambda: nvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
        if memory is None and rates is None and power_mw is None and temperature_c is None:
            raise DeviceSilent("The NVIDIA driver tells nothing about the card.")
        energy_mj = known(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        meter = self._meters.setdefault(uuid, Meter())
        meter.count(at_ms, None if energy_mj is None else energy_mj / _MILLI)
        return Telemetry(
            at_ms=at_ms,
            load=None if rates is None else _share(rates.gpu),
            memory_used_bytes=None if memory is None else memory.used,
            memory_total_bytes=None if memory is None else memory.total,
            temperature_c=temperature_c,
            power_w=None if power_mw is None else power_mw / _MILLI,
            power_limit_w=None if limit_mw is None else limit_mw / _MILLI,
            fan=None if fan is None else _share(fan),
            core_clock_mhz=known(lambda: nvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_GRAPHICS)),
            memory_clock_mhz=known(lambda: nvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)),
            energy_j=None if energy_mj is None else meter.energy_j,
            processes=self._processes(uuid, handle),
            throttled=_throttled(known(lambda: nvml.nvmlDeviceGetCurrentClocksEventReasons(handle))),
        )

    def _processes(self, uuid: str, handle: object) -> tuple[ProcessUse, ...] | None:
        nvml = self._nvml
        computing = known(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle))
        drawing = known(lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses(handle))
        if computing is None and drawing is None:
            return None
        memory = _memory_by_pid([*(computing or ()), *(drawing or ())])
        loads = self._loads(uuid, handle)
        return tuple(
            ProcessUse(pid, memory.get(pid), None if loads is None else loads.get(pid, 0.0))
            for pid in sorted(memory.keys() | (loads or {}).keys())
        )

    def _loads(self, uuid: str, handle: object) -> dict[int, float] | None:
        """By process its mean use since the last look, of the last second at most; None where it is not told."""
        since_us = self._seen_us.get(uuid, 0)
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(handle, since_us)
        except pynvml.NVMLError as error:
            # The library words "nothing happened since" as an error: NOT_FOUND, or an error of SUCCESS.
            if code_of(error) in {pynvml.NVML_ERROR_NOT_FOUND, pynvml.NVML_SUCCESS}:
                return {}
            if is_fatal(error):
                raise
            return None
        # Drivers were seen to hand out samples from nowhere: other times, absurd loads.
        sound = [each for each in samples if each.pid and each.timeStamp > since_us and _load(each) <= 1]
        newest_us = self._seen_us[uuid] = max([since_us, *(each.timeStamp for each in sound)])
        by_pid: dict[int, list[float]] = {}
        for each in sound:
            # The driver's memory is longer than that, and may hold processes that have ended.
            if each.timeStamp > newest_us - _LOOK_BACK_US:
                by_pid.setdefault(each.pid, []).append(_load(each))
        return {pid: sum(loads) / len(loads) for pid, loads in by_pid.items()}


def _memory_by_pid(running: Iterable[RunningProcess]) -> dict[int, int | None]:
    """A process that both computes and draws is told twice, with the same memory."""
    memory: dict[int, int | None] = {}
    for each in running:
        told = memory.get(each.pid)
        memory[each.pid] = told if each.usedGpuMemory is None else max(told or 0, each.usedGpuMemory)
    return memory


def _load(sample: ProcessSample) -> float:
    return max(sample.smUtil, sample.encUtil, sample.decUtil) / _WHOLE


def _share(percent: int) -> float:
    return min(max(percent / _WHOLE, 0.0), 1.0)


def _throttled(reasons: int | None) -> tuple[str, ...]:
    return tuple(words for bit, words in _THROTTLES if (reasons or 0) & bit)
