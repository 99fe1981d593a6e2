"""The power limit of NVIDIA's cards, through their driver; setting it is root's or an administrator's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import pynvml

from desktop.machine.devices.nvml import Nvml, code_of, in_words, known
from desktop.machine.limits.power import MICRO, PowerRange, PowerRefused

_MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class NvmlPower:
    """The knob of the card with that UUID. The driver is opened for each call, and counts who has it open."""

    nvml: Nvml
    uuid: str

    def read(self) -> PowerRange:
        """As it is now."""
        with self._card() as handle:
            nvml = self.nvml
            now_mw = nvml.nvmlDeviceGetPowerManagementLimit(handle)
            default_mw = known(lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle))
            ends_mw = known(lambda: nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle))
        least_mw, most_mw = ends_mw or (None, None)
        return PowerRange(now_mw * _MILLI, _micro(default_mw), _micro(least_mw), _micro(most_mw))

    def write(self, limit_uw: int) -> None:
        """Set it."""
        with self._card() as handle:
            self.nvml.nvmlDeviceSetPowerManagementLimit(handle, limit_uw // _MILLI)

    def command(self, limit_uw: int) -> str:
        """For a terminal; on Windows for one that was opened as administrator."""
        with self._card() as handle:
            index = self.nvml.nvmlDeviceGetIndex(handle)
        return f"{'' if sys.platform == 'win32' else 'sudo '}nvidia-smi -i {index} -pl {limit_uw // MICRO}"

    @contextmanager
    def _card(self) -> Iterator[object]:
        try:
            self.nvml.nvmlInit()
            try:
                yield self.nvml.nvmlDeviceGetHandleByUUID(self.uuid)
            finally:
                with suppress(pynvml.NVMLError):
                    self.nvml.nvmlShutdown()
        except pynvml.NVMLError as error:
            if code_of(error) == pynvml.NVML_ERROR_NO_PERMISSION:
                words = "Only an administrator may change a card's power limit."
                raise PowerRefused(words, rights=True) from error
            raise PowerRefused(in_words(error)) from error


def _micro(milliwatts: int | None) -> int | None:
    return None if milliwatts is None else milliwatts * _MILLI
