"""This computer at one moment, for whoever describes or examines it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pynvml

from desktop.domain.device import DeviceKind
from desktop.machine.devices.devices import Devices
from desktop.machine.devices.nvidia import NvidiaSource
from desktop.machine.devices.processor import Cpu, ProcessorSource, read_cpu
from desktop.machine.devices.source import Found, Source

if sys.platform == "win32":
    from desktop.machine.windows import nvidia_cards_on_bus
else:
    from desktop.machine.devices.amd import AmdLibrary, find_library
    from desktop.machine.devices.drm import DrmSource
    from desktop.machine.linux import nvidia_cards_on_bus


@dataclass(frozen=True, slots=True)
class Computer:
    """Processor and graphics. `cards_on_bus` are the NVIDIA cards that are plugged in, with or without a driver."""

    cpu: Cpu
    graphics: Found
    cards_on_bus: int


def local_devices(now_ms: Callable[[], int], root: Path = Path("/")) -> Devices:
    """The devices of this computer. On Windows only NVIDIA's driver tells of its cards; others are not seen there."""
    sources: list[Source] = [NvidiaSource(pynvml)]
    if sys.platform != "win32":
        sources.append(DrmSource(root, AmdLibrary(partial(find_library, root))))
    return Devices([*sources, ProcessorSource(root)], now_ms)


def survey(devices: Devices) -> Computer:
    """This computer as it is now; looks for devices anew, which may take seconds."""
    found = tuple(device for device in devices.look() if device.kind is not DeviceKind.CPU)
    return Computer(
        cpu=read_cpu(),
        graphics=Found(found, " ".join(devices.troubles)),
        cards_on_bus=nvidia_cards_on_bus(),
    )
