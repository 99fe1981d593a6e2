"""Names of cards by their numbers, from the list of PCI devices that most Linux systems carry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_LISTS: Final = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")


def pci_name(root: Path, vendor: str, device: str) -> str | None:
    """The device's name, such as "Radeon RX 7900 XTX", by numbers as sysfs writes them (0x1002); None if unlisted."""
    vendor_line = vendor.removeprefix("0x").lower()
    device_line = re.compile(rf"\t{re.escape(device.removeprefix('0x').lower())}  (.+)")
    for place in _LISTS:
        try:
            with (root / place).open(encoding="utf-8", errors="replace") as lines:
                ours = False
                for line in lines:
                    if line[:1] not in {"\t", "#", "\n"}:
                        if ours:
                            break
                        ours = line.lower().startswith(f"{vendor_line}  ")
                    elif ours and (match := device_line.match(line)):
                        return _bracketed(match[1].strip())
        except OSError:
            continue
    return None


def _bracketed(name: str) -> str:
    """What is sold as, where the list tells the chip first: "Navi 31 [Radeon RX 7900 XTX]"."""
    match = re.search(r"\[(.+)\]", name)
    return match[1] if match else name
