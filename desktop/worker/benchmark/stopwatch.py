"""How long a device takes: by its own events where it works on its own, by the clock where it is the processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import torch


class Stopwatch(Protocol):
    """Times work on one device."""

    def time(self, work: Callable[[], object]) -> float:
        """Seconds from the first to the last of what `work` asks of the device."""


class ProcessorStopwatch:
    """For the processor, which has done the work when the call returns."""

    def time(self, work: Callable[[], object]) -> float:
        """Seconds."""
        start = time.perf_counter()
        work()
        return time.perf_counter() - start


class EventStopwatch:
    """For a graphics card: two events in its own stream, so that waiting for Python is not part of it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def time(self, work: Callable[[], object]) -> float:
        """Seconds."""
        of_the_maker = torch.get_device_module(self._device)
        make: Callable[..., torch.Event] = of_the_maker.Event  # torch gives its constructor no types
        first, last = make(enable_timing=True), make(enable_timing=True)
        stream = of_the_maker.current_stream(self._device)
        of_the_maker.synchronize(self._device)
        first.record(stream)
        work()
        last.record(stream)
        last.synchronize()
        return float(first.elapsed_time(last)) / 1000


def stopwatch_for(device: torch.device) -> Stopwatch:
    """The one that is right for a device."""
    return ProcessorStopwatch() if device.type == "cpu" else EventStopwatch(device)
