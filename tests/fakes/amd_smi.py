"""AMD's library as its documentation describes it, with cards made up of plain values that a test may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class FakeAmdError(Exception):
    """What stands for AmdSmiException."""


@dataclass
class FakeRadeon:
    address: str = "0000:03:00.0"
    counted: object = 1_000_000
    resolution: object = 15.259
    throttle_status: object = 0
    fails: bool = False


@dataclass
class FakeAmdSmi:
    """`opened` counts who has it open; `broken`: opening fails, as it does without a driver."""

    cards: list[FakeRadeon] = field(default_factory=lambda: [FakeRadeon()])
    broken: bool = False
    opened: int = 0
    AmdSmiException: type[Exception] = FakeAmdError

    def amdsmi_init(self) -> None:
        if self.broken:
            raise FakeAmdError("AMDSMI_STATUS_DRIVER_NOT_LOADED")
        self.opened += 1

    def amdsmi_shut_down(self) -> None:
        self.opened -= 1

    def amdsmi_get_processor_handles(self) -> Sequence[object]:
        return list(self.cards)

    def amdsmi_get_gpu_device_bdf(self, handle: object) -> str:
        return self._card(handle).address.upper()

    def amdsmi_get_energy_count(self, handle: object) -> Mapping[str, object]:
        card = self._card(handle)
        return {"energy_accumulator": card.counted, "counter_resolution": card.resolution, "timestamp": 1}

    def amdsmi_get_gpu_metrics_info(self, handle: object) -> Mapping[str, object]:
        return {"indep_throttle_status": self._card(handle).throttle_status}

    @staticmethod
    def _card(handle: object) -> FakeRadeon:
        assert isinstance(handle, FakeRadeon)
        if handle.fails:
            raise FakeAmdError("AMDSMI_STATUS_NOT_SUPPORTED")
        return handle
