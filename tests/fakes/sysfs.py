"""Trees of small files as Linux shows devices, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

RADEON: Final = "0000:03:00.0"
ARC: Final = "0000:04:00.0"

_RADEON_FILES: Final = {
    "vendor": "0x1002",
    "device": "0x744c",
    "max_link_speed": "16.0 GT/s PCIe",
    "max_link_width": "16",
    "gpu_busy_percent": "42",
    "mem_info_vram_total": str(24 << 30),
    "mem_info_vram_used": str(3 << 30),
    "power/runtime_status": "active",
    "hwmon/hwmon4/power1_average": "87000000",
    "hwmon/hwmon4/power1_cap": "303000000",
    "hwmon/hwmon4/power1_cap_default": "303000000",
    "hwmon/hwmon4/power1_cap_min": "212000000",
    "hwmon/hwmon4/power1_cap_max": "348000000",
    "hwmon/hwmon4/temp1_input": "54000",
    "hwmon/hwmon4/pwm1": "51",
    "hwmon/hwmon4/freq1_input": "2304000000",
    "hwmon/hwmon4/freq2_input": "1249000000",
}
_ARC_FILES: Final = {
    "vendor": "0x8086",
    "device": "0x56a0",
    "power/runtime_status": "active",
    "hwmon/hwmon5/energy1_input": "1000000000",
    "hwmon/hwmon5/power1_max": "190000000",
    "hwmon/hwmon5/fan1_input": "900",
    "hwmon/hwmon5/fan1_max": "3600",
    "tile0/gt0/freq0/act_freq": "1350",
}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Each name with its content and the newline that the kernel puts there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def plug_in(root: Path, number: int, address: str, driver: str, files: Mapping[str, str]) -> Path:
    """A graphics card on the bus, as `card<number>`; its device's folder."""
    device = root / "sys/devices/pci0000:00" / address
    write_files(device, files)
    home = root / "sys/bus/pci/drivers" / driver
    home.mkdir(parents=True, exist_ok=True)
    (device / "driver").symlink_to(home)
    card = root / "sys/class/drm" / f"card{number}"
    card.mkdir(parents=True)
    (card / "device").symlink_to(device)
    (root / "sys/class/drm" / f"card{number}-DP-1").mkdir()
    (root / "sys/class/drm" / f"renderD{128 + number}").mkdir()
    return device


def plug_in_radeon(root: Path, number: int = 0, address: str = RADEON) -> Path:
    """A Radeon with all its sensors; its device's folder."""
    return plug_in(root, number, address, "amdgpu", _RADEON_FILES)


def plug_in_arc(root: Path, number: int = 1, address: str = ARC) -> Path:
    """An Arc, which tells less; its device's folder."""
    return plug_in(root, number, address, "xe", _ARC_FILES)


def open_card(root: Path, pid: int, descriptor: int, fdinfo: Mapping[str, str]) -> None:
    """A process that holds a card open, with what the kernel tells of that file."""
    process = root / "proc" / str(pid)
    (process / "fd").mkdir(parents=True, exist_ok=True)
    (process / "fdinfo").mkdir(exist_ok=True)
    link = process / "fd" / str(descriptor)
    if not link.is_symlink():
        link.symlink_to("/dev/dri/renderD128")
    text = "".join(f"{key}:\t{value}\n" for key, value in fdinfo.items())
    (process / "fdinfo" / str(descriptor)).write_text(f"pos:\t0\nflags:\t02100002\n{text}")


def open_file(root: Path, pid: int, descriptor: int, target: str) -> None:
    """A process that holds any other file open."""
    folder = root / "proc" / str(pid) / "fd"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(descriptor)).symlink_to(target)
