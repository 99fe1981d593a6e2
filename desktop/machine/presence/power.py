"""Whether this computer runs on its battery.

The kernel's power supplies are read here and not by psutil, which takes the battery of a wireless mouse for the
computer's own. UPower also knows of supplies that keep a desktop computer alive for a few minutes (UPS).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from desktop.machine.presence.bus import Bus, NobodyThere, Service
from desktop.machine.presence.source import SourceFailed

POWER_SUPPLIES: Final = Path("/sys/class/power_supply")
UPOWER: Final = Service("org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.UPower")


def supplies_on_battery(folder: Path = POWER_SUPPLIES) -> bool:
    """Whether a battery of the computer itself is all that feeds it. Raises SourceFailed where there is none.

    To be called in a thread: behind these files are controllers that may take a tenth of a second.
    """
    plugged = discharging = battery = False
    for supply in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _word(supply / "scope") == "Device":
            continue  # a mouse, a keyboard, a headset
        kind = _word(supply / "type")
        if kind == "Battery":
            battery = True
            discharging = discharging or _word(supply / "status") == "Discharging"
        elif kind in {"Mains", "USB", "Wireless"}:
            plugged = plugged or _word(supply / "online") == "1"
    if not battery:
        raise SourceFailed("this computer has no battery")
    return discharging and not plugged


async def upower_on_battery(bus: Bus) -> bool:
    """What UPower says; without UPower and without a battery of its own, a computer is plugged in."""
    try:
        value = await bus.property(UPOWER, "OnBattery")
    except NobodyThere:
        return False
    if not isinstance(value, bool):
        raise SourceFailed("it talks nonsense")
    return value


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
