"""The third part of the composition root: what is brought from outside, and how it is brought."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass

from desktop.compose import Composition
from desktop.downloads.transfer import Transfer
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
