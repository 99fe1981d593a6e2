"""The third part of the composition root: what is brought from outside, and how it is brought."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass

from desktop.compose import Composition
from desktop.domain.device import DeviceKind
from desktop.downloads.transfer import Transfer
from desktop.hub.acquisition import Acquisition
from desktop.hub.candidates import Candidate, Candidates, Fit
from desktop.hub.listing import Hub
from desktop.machine.devices.processor import read_cpu
from desktop.machine.devices.survey import local_devices
from desktop.resources import resource
from desktop.setup.builds import Card, Choice, choices, load_builds
from desktop.setup.hardware_setup import HardwareSetup
from desktop.setup.packing_list import PackingList
from desktop.setup.uv import Uv, find_uv


@dataclass(frozen=True, slots=True)
class Fitting:
    """A set-up of torch that can be stopped from any thread."""

    setup: HardwareSetup
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Fetching:
    """A fetching of models that can be stopped from any thread."""

    acquisition: Acquisition
    stop: threading.Event


def candidates() -> Candidates:
    """The models that may be fetched."""
    return Candidates.load(resource("hub-models.toml"))


def acquisition(home: Composition) -> Fetching:
    """What fetches models to this computer's shelf. Raises SettingsError for a source that cannot be one."""
    stop = threading.Event()
    limit_gib = home.settings.models_limit_gib
    hub = Hub(home.settings.model_source)
    limit = limit_gib << 30 if limit_gib else None
    return Fetching(Acquisition(hub, Transfer(stop), home.equipment.shelf(), limit), stop)


@dataclass(frozen=True, slots=True)
class Room:
    """What this computer has for one model: the memory, and the precision it would be computed with."""

    memory_bytes: int | None
    precision: str

    def fit(self, candidate: Candidate) -> Fit:
        """Whether the model fits."""
        return Fit(candidate.memory_bytes(self.precision), self.memory_bytes)


def room(home: Composition) -> Room:
    """The memory of the largest card, else what the worker may take. Looks for devices, which may take seconds."""
    off = home.settings.disabled_devices
    devices = [device for device in local_devices(home.now_ms).look() if device.id not in off]
    cards = [device for device in devices if device.kind is DeviceKind.NVIDIA]
    if cards:
        # A card computes in half precision; a processor without units for that is many times slower in it.
        return Room(max(cards, key=lambda card: card.memory_bytes or 0).memory_bytes, "bfloat16")
    allowed = home.settings.worker_memory_mib << 20
    return Room(min(allowed, read_cpu().memory_total_bytes), "float32")


def torch_choices(home: Composition) -> tuple[Choice, ...]:
    """The builds for the cards of this computer, best first. Looks for devices, which may take seconds."""
    cards = [
        Card(device.kind, device.name or device.id, device.driver, device.capability)
        for device in local_devices(home.now_ms).look()
    ]
    builds = load_builds(resource("torch-builds.toml"))
    return choices(cards, builds, "windows" if sys.platform == "win32" else "linux")


def fitting(home: Composition) -> Fitting:
    """What installs torch for this computer. Raises Unavailable where the tool for it is missing."""
    stop = threading.Event()
    transfer = Transfer(stop)
    uv = Uv(find_uv(os.environ), stop)
    setup = HardwareSetup(
        home.equipment.engines(),
        PackingList(uv, home.settings.torch_source),
        transfer,
        uv,
        home.equipment.worker_requirements(),
        now_ms=home.now_ms,
    )
    return Fitting(setup, stop)
