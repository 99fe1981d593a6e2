"""What the device that works measures right now. What cannot be measured is None."""

from __future__ import annotations

import psutil

from desktop.control.snapshot import Device
from desktop.machine.devices.processor import Cpu


class CpuReadings:
    """The processor. Load is the share of all its threads since the reading before; the first one is unknown."""

    def __init__(self, cpu: Cpu) -> None:
        self._name = cpu.model or ""
        self._total = cpu.memory_total_bytes
        psutil.cpu_percent(interval=None)
        self._first = True

    def read(self) -> Device:
        """Name, load, memory."""
        load = psutil.cpu_percent(interval=None) / 100
        first, self._first = self._first, False
        memory = psutil.virtual_memory()
        return Device(
            name=self._name,
            kind="cpu",
            load=None if first else min(load, 1.0),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
        )
