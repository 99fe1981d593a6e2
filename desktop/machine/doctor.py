"""What this computer is asked before it joins: each answer with its value, its threshold and a remedy.

Only what the machine room can see. The sandbox, the relays and the mints are examined where they are known, with the
same `Check`.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desktop.domain.check import Check
from desktop.domain.device import DeviceKind
from desktop.domain.errors import StorageUnusable
from desktop.machine.devices.processor import Cpu
from desktop.machine.devices.source import Found
from desktop.machine.devices.survey import Computer
from desktop.machine.paths import Paths

_GIB: Final = 1 << 30
_LEAST_DISK_BYTES: Final = 2 * _GIB
_LEAST_MEMORY_BYTES: Final = 2 * _GIB
_LEAST_PYTHON: Final = (3, 11)
# Landlock, on which the sandbox stands, came with this kernel.
_LEAST_LINUX: Final = (5, 13)
_LEAST_WINDOWS: Final = (10,)
# 2026-01-01 and 2100-01-01: before the first a certificate or an announcement cannot be right, after the last neither.
_EARLIEST_MS: Final = 1_767_225_600_000
_LATEST_MS: Final = 4_102_444_800_000


def examine(paths: Paths, computer: Computer, now_ms: Callable[[], int]) -> tuple[Check, ...]:
    """Every check of this room. Makes the folders that are missing."""
    return (
        check_system(platform.system(), platform.release()),
        check_python(sys.version_info[:2]),
        check_folders(paths),
        check_disk(paths.data, lambda folder: shutil.disk_usage(folder).free),
        check_memory(computer.cpu),
        check_processor(computer.cpu),
        check_graphics(computer.graphics, computer.cards_on_bus),
        check_clock(now_ms()),
    )


def check_system(system: str, release: str) -> Check:
    """Linux with Landlock, or Windows 10 and later."""
    least = {"Linux": _LEAST_LINUX, "Windows": _LEAST_WINDOWS}.get(system)
    return Check(
        "operating system",
        ok=least is not None and _numbers(release) >= least,
        value="{system} {release}",
        threshold="Linux {linux} or Windows {windows}, or later",
        remedy="Update the operating system: the sandbox needs what newer ones have.",
        values={
            "system": system,
            "release": release,
            "linux": _dotted(_LEAST_LINUX),
            "windows": _dotted(_LEAST_WINDOWS),
        },
    )


def check_python(version: tuple[int, int]) -> Check:
    """The interpreter this runs on."""
    return Check(
        "python",
        ok=version >= _LEAST_PYTHON,
        value="{version}",
        threshold="{least} or later",
        remedy="Install Hearth again with a newer Python.",
        values={"version": _dotted(version), "least": _dotted(_LEAST_PYTHON)},
    )


def check_folders(paths: Paths) -> Check:
    """Our folders: there, or made now, writable and closed to other users."""
    threshold = "writable, and closed to other users"
    try:
        paths.create()
    except StorageUnusable as error:
        return Check(
            "folders",
            ok=False,
            value="{trouble}",
            threshold=threshold,
            remedy="{now}",
            values={"trouble": f"{error.what} {error.why}", "now": error.now},
        )
    return Check(
        "folders",
        ok=True,
        value="{folders}",
        threshold=threshold,
        values={"folders": ", ".join(str(folder) for folder in astuple(paths))},
    )


def check_disk(folder: Path, free_bytes: Callable[[Path], int]) -> Check:
    """Room for the ledger and for a bundled model's files."""
    remedy = "Free some space on the disk of {folder}, or choose another place with --home."
    threshold = "{least_bytes} free"
    values: dict[str, str | int] = {"folder": str(folder), "least_bytes": _LEAST_DISK_BYTES}
    try:
        free = free_bytes(folder)
    except OSError as error:
        values["trouble"] = error.strerror or "?"
        return Check(
            "disk space", ok=False, value="unknown: {trouble}", threshold=threshold, remedy=remedy, values=values
        )
    return Check(
        "disk space",
        free >= _LEAST_DISK_BYTES,
        "{free_bytes} free",
        threshold,
        remedy,
        values=values | {"free_bytes": free},
    )


def check_memory(cpu: Cpu) -> Check:
    """Room for the smallest model and its worker."""
    return Check(
        "memory",
        ok=cpu.memory_available_bytes >= _LEAST_MEMORY_BYTES,
        value="{available_bytes} available of {total_bytes}",
        threshold="{least_bytes} available",
        remedy="Close other programs, or offer a smaller model.",
        values={
            "available_bytes": cpu.memory_available_bytes,
            "total_bytes": cpu.memory_total_bytes,
            "least_bytes": _LEAST_MEMORY_BYTES,
        },
    )


def check_processor(cpu: Cpu) -> Check:
    """The processor; any will do."""
    return Check(
        "processor",
        ok=True,
        value="{model}, {cores} cores, {threads} threads usable",
        threshold="any",
        values={
            "model": cpu.model or "unknown model",
            "cores": "?" if cpu.physical_cores is None else cpu.physical_cores,
            "threads": cpu.usable_cores,
        },
    )


def check_graphics(graphics: Found, cards_on_bus: int) -> Check:
    """The NVIDIA cards: every one that is plugged in answers. None at all is fine, the processor works then."""
    found = [f"{card.name or 'unnamed card'} (driver {card.driver or 'unknown'})" for card in graphics.devices]
    parts = [*found, graphics.trouble] if graphics.trouble else found
    answering = sum(card.kind is DeviceKind.NVIDIA for card in graphics.devices)
    return Check(
        "graphics card",
        ok=answering >= cards_on_bus,
        value="{cards}"
        if found
        else "{cards} Work runs on the processor."
        if parts
        else "none; work runs on the processor",
        threshold="every NVIDIA card that is plugged in answers",
        remedy="Install or update the NVIDIA driver, then restart the computer.",
        values={"cards": " ".join(parts)} if parts else {},
    )


def check_clock(now_ms: int) -> Check:
    """A clock that could be right. Relays and certificates refuse what is far off; they tell how far."""
    return Check(
        "clock",
        ok=_EARLIEST_MS <= now_ms <= _LATEST_MS,
        value="{moment}",
        threshold="between the years {first} and {last}",
        remedy="Set the computer's date and time, best from the network.",
        values={"moment": _moment(now_ms), "first": "2026", "last": "2100"},
    )


def _moment(at_ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):  # further away than a calendar reaches
        return f"{at_ms} ms since 1970"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _numbers(release: str) -> tuple[int, ...]:
    """The leading numbers of a version: "6.1.0-18-amd64" is (6, 1, 0)."""
    head = release.partition("-")[0]
    parts: list[int] = []
    for part in head.split("."):
        if not part.isdecimal():
            break
        parts.append(int(part))
    return tuple(parts)
