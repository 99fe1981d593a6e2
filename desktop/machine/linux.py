"""What is particular to Linux, and to other Unix-like systems where they agree."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import fcntl
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

_PCI_DEVICES = Path("/sys/bus/pci/devices")
_CPUINFO = Path("/proc/cpuinfo")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def base_folders(environ: Mapping[str, str], user: Path) -> dict[str, Path]:
    """The parents of our folders, by the XDG base directory specification: what is not absolute is not there."""

    def named(variable: str, default: Path) -> Path:
        value = environ.get(variable, "")
        return Path(value) if value.startswith("/") else default

    data = named("XDG_DATA_HOME", user / ".local" / "share")
    state = named("XDG_STATE_HOME", user / ".local" / "state")
    return {
        "data": data / "hearth",
        "config": named("XDG_CONFIG_HOME", user / ".config") / "hearth",
        "cache": named("XDG_CACHE_HOME", user / ".cache") / "hearth",
        "log": state / "hearth",
        "runtime": named("XDG_RUNTIME_DIR", data / "hearth" / "run") / "hearth",
    }


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file unless another process has it; it ends with the process.

    Raises OSError where the file system knows no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def intruders(status: os.stat_result) -> str:
    """Who else than this user may get at that file or folder, in words; empty if nobody may."""
    if status.st_uid != os.geteuid():
        return "It belongs to another user."
    if status.st_mode & _OTHERS:
        return "Other users of this computer may open it."
    return ""


def slept_ms() -> int:
    """How long this computer has slept since it started: the difference of two clocks, one of which sleeps too."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    if boot is None:
        return 0
    # The boot clock first: taken in this order a pause between the two looks like less sleep, never like more.
    return (time.clock_gettime_ns(boot) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1_000_000


def cpu_model() -> str | None:
    """The processor's name as its maker gave it, or None."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or None


def nvidia_cards_on_bus(devices: Path = _PCI_DEVICES) -> int:
    """How many NVIDIA display or compute cards the PCI bus has, whether or not a driver answers for them."""

    def read(path: Path) -> str:
        try:
            return path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""

    try:
        found = list(devices.iterdir())
    except OSError:
        return 0
    return sum(read(card / "vendor") == "0x10de" and read(card / "class").startswith("0x03") for card in found)
