"""The device files of one graphics card, the only ones of its kind that a worker is given.

Written from what NVIDIA, AMD and Intel document and others report; no card was at hand to try it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import DeviceUnusable
from desktop.worker.messages import DeviceName

_NVIDIA_CARDS: Final = Path("proc/driver/nvidia/gpus")
_NVIDIA_SHARED: Final = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
_UUID: Final = re.compile(r"^GPU UUID:\s*(\S+)\s*$", re.MULTILINE)
_MINOR: Final = re.compile(r"^Device Minor:\s*(\d+)\s*$", re.MULTILINE)
_PCI_DEVICES: Final = Path("sys/bus/pci/devices")
_KERNEL_DRIVER: Final = {DeviceKind.AMD: ("kfd",), DeviceKind.INTEL: ()}
# The library that a build of torch has for the cards of one maker, and no other build has.
_TORCH_LIBRARY: Final = {
    DeviceKind.NVIDIA: "*torch_cuda*",
    DeviceKind.AMD: "*torch_hip*",
    DeviceKind.INTEL: "*torch_xpu*",
}
_MAKER: Final = {DeviceKind.NVIDIA: "NVIDIA", DeviceKind.AMD: "AMD", DeviceKind.INTEL: "Intel"}


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """What a worker is given of a card: its device files, and what torch calls it where it is the only one.

    `visible` is the name under which CUDA shows this card alone; empty where the device files alone decide.
    """

    files: tuple[Path, ...]
    torch_name: DeviceName = "cuda:0"
    visible: str = ""


@dataclass(frozen=True, slots=True)
class Cards:
    """Finds the device files of cards. `site` are the folders that a worker's Python takes its packages from, in order.

    `root` is where the kernel's files begin.
    """

    site: Sequence[Path]
    root: Path = Path("/")

    def of(self, device: Device) -> GraphicsCard | None:
        """What a worker on that device is given; None for the processor.

        DeviceUnusable where the worker's torch is not built for it, or its device files are not there or not ours.
        They must exist before: the programs of drivers that make them cannot run inside.
        """
        if device.kind is DeviceKind.CPU:
            return None
        if not is_built_for(device.kind, self.site):
            maker = _MAKER[device.kind]
            raise DeviceUnusable(
                "The card cannot be used for work yet.",
                why=f"The torch that is installed is not built for cards of {maker}.",
                now="Run `hearth setup`, then start Hearth again; or switch this device off.",
            )
        return self._nvidia(device.id) if device.kind is DeviceKind.NVIDIA else self._rendering(device)

    def _nvidia(self, uuid: str) -> GraphicsCard:
        for card in sorted((self.root / _NVIDIA_CARDS).glob("*/information")):
            text = card.read_text(encoding="utf-8", errors="replace")
            name, minor = _UUID.search(text), _MINOR.search(text)
            if name is None or minor is None or name[1] != uuid:
                continue
            files = [self.root / "dev" / each for each in (f"nvidia{minor[1]}", *_NVIDIA_SHARED)]
            missing = [each for each in files[:3] if not each.exists()]
            if missing:
                raise DeviceUnusable(
                    "The card's device files are not there.",
                    why=f"{', '.join(map(str, missing))} is missing.",
                    now="Run `nvidia-smi` and `nvidia-modprobe -u` once, then resume.",
                )
            return GraphicsCard(tuple(each for each in files if each.exists()), visible=uuid)
        raise DeviceUnusable(
            "The card cannot be given to a worker.",
            why="The NVIDIA driver does not list it under /proc/driver/nvidia.",
            now="Restart the computer, or update the driver.",
        )

    def _rendering(self, device: Device) -> GraphicsCard:
        """AMD's and Intel's cards are known by their place on the bus, and each has a file to compute through."""
        nodes = sorted((self.root / _PCI_DEVICES / device.id / "drm").glob("renderD*"))
        files = [self.root / "dev" / each for each in _KERNEL_DRIVER[device.kind]]
        files += [self.root / "dev/dri" / node.name for node in nodes]
        missing = [each for each in files if not each.exists()]
        if missing or not nodes:
            raise DeviceUnusable(
                "The card's device files are not there.",
                why=f"{', '.join(map(str, missing)) or 'A file below /dev/dri'} is missing.",
                now="Install or update the driver of this card, then restart the computer.",
            )
        closed = [each for each in files if not os.access(each, os.R_OK | os.W_OK)]
        if closed:
            raise DeviceUnusable(
                "This user may not compute on the card.",
                why=f"{', '.join(map(str, closed))} is closed to this user.",
                now="Run `sudo usermod -aG render,video $USER`, then log out and in.",
            )
        return GraphicsCard(tuple(files), "cuda:0" if device.kind is DeviceKind.AMD else "xpu:0")


def is_built_for(kind: DeviceKind, site: Sequence[Path]) -> bool:
    """Whether the first torch in these folders computes on such cards at all; it is not loaded to find out."""
    place = next((folder for folder in site if (folder / "torch").is_dir()), None)
    return place is not None and any((place / "torch" / "lib").glob(_TORCH_LIBRARY[kind]))
