"""The power limit of AMD's cards: power1_cap in the card's hwmon folder, which only root may write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from desktop.machine.devices.drm import cards, hwmon
from desktop.machine.devices.sysfs import read_int
from desktop.machine.limits.power import PowerRange, PowerRefused


@dataclass(frozen=True, slots=True)
class HwmonPower:
    """The knob of the card at that PCI address. Found anew each time: the folder's number changes with the driver."""

    root: Path
    address: str

    def read(self) -> PowerRange:
        """As it is now."""
        cap = self._cap()
        now_uw = read_int(cap)
        if now_uw is None:
            raise PowerRefused("The card does not tell its power limit.")
        default, least, most = (read_int(cap.with_name(f"{cap.name}_{end}")) for end in ("default", "min", "max"))
        return PowerRange(now_uw, default, least, most)

    def write(self, limit_uw: int) -> None:
        """Set it."""
        cap = self._cap()
        try:
            # In one write, and without emptying the file first: nothing in between can be left behind.
            descriptor = os.open(cap, os.O_WRONLY)
            try:
                os.write(descriptor, f"{limit_uw}\n".encode())
            finally:
                os.close(descriptor)
        except PermissionError as error:
            raise PowerRefused("Only an administrator may change a card's power limit.", rights=True) from error
        except OSError as error:
            raise PowerRefused(f"The card refused the limit: {error.strerror}.") from error

    def command(self, limit_uw: int) -> str:
        """For a terminal."""
        return f"echo {limit_uw} | sudo tee {self._cap()}"

    def _cap(self) -> Path:
        for card in cards(self.root):
            if (card / "device").resolve().name == self.address:
                monitor = hwmon(card)
                if monitor is not None:
                    return monitor / "power1_cap"
        raise PowerRefused("The card, or its driver, is no longer there.")
