"""The device files of one NVIDIA card, the only ones of its kind that a worker is given.

Written from what NVIDIA documents and others report; no card was at hand to try it.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import DeviceUnusable

_CARDS: Final = Path("/proc/driver/nvidia/gpus")
_DEVICES: Final = Path("/dev")
_SHARED: Final = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
_UUID: Final = re.compile(r"^GPU UUID:\s*(\S+)\s*$", re.MULTILINE)
_MINOR: Final = re.compile(r"^Device Minor:\s*(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """A card by the name CUDA knows it by, and its device files."""

    uuid: str
    files: tuple[Path, ...]


def graphics_of(device: Device) -> GraphicsCard | None:
    """What a worker on that device is given; None for the processor. DeviceUnusable for what torch cannot use."""
    if device.kind is DeviceKind.CPU:
        return None
    if device.kind is DeviceKind.NVIDIA:
        return nvidia_card(device.id)
    raise DeviceUnusable(
        "Only NVIDIA cards and the processor can work so far.",
        why=f"This is a card of another maker ({device.kind.value}).",
        now="Switch this device off, so that it is not counted as broken.",
    )


def nvidia_card(
    uuid: str, *, cards: Path = _CARDS, devices: Path = _DEVICES, built: bool | None = None
) -> GraphicsCard:
    """The card with that UUID. DeviceUnusable if the driver does not list it, or its device files are not there.

    The files must exist before: the program of the driver that makes them cannot run inside. `built` says whether
    torch can use such cards, found out if it is not given.
    """
    if not (cuda_is_built() if built is None else built):
        raise DeviceUnusable(
            "The card cannot be used for work yet.",
            why="The torch that is installed is built for processors only.",
            now="Install the variant of Hearth for NVIDIA cards, or switch this device off.",
        )
    for card in sorted(cards.glob("*/information")):
        text = card.read_text(encoding="utf-8", errors="replace")
        name, minor = _UUID.search(text), _MINOR.search(text)
        if name is None or minor is None or name[1] != uuid:
            continue
        files = (devices / f"nvidia{minor[1]}", *(devices / each for each in _SHARED))
        missing = [each for each in files[:3] if not each.exists()]
        if missing:
            raise DeviceUnusable(
                "The card's device files are not there.",
                why=f"{', '.join(map(str, missing))} is missing.",
                now="Run `nvidia-smi` and `nvidia-modprobe -u` once, then resume.",
            )
        return GraphicsCard(uuid, tuple(each for each in files if each.exists()))
    raise DeviceUnusable(
        "The card cannot be given to a worker.",
        why="The NVIDIA driver does not list it under /proc/driver/nvidia.",
        now="Restart the computer, or update the driver.",
    )


def cuda_is_built() -> bool:
    """Whether the torch that is installed can use NVIDIA cards at all; it is not loaded to find out."""
    found = importlib.util.find_spec("torch")
    places = found.submodule_search_locations if found is not None else None
    return any(any(Path(place, "lib").glob("*torch_cuda*")) for place in places or ())
