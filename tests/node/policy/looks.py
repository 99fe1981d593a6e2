"""A computer looked at again and again, by a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from desktop.domain.device import Device, Telemetry
from desktop.domain.presence import Presence
from desktop.domain.schedule import Permission
from desktop.node.policy.decision import Judgement, Judgements
from desktop.node.policy.judge import Memory, step
from desktop.node.policy.signals import DeviceSignals, Signals, WorkerStatus
from desktop.node.policy.terms import Terms
from tests.fakes.computer import CARD, at_rest

HERE = Presence(session=True, idle_s=0.0, locked=False, fullscreen=False, on_battery=False, metered=False)
AWAY = replace(HERE, idle_s=10_000.0)
CALM = Signals(
    stopping=False,
    paused=False,
    joined=True,
    serving=False,
    enrolled=True,
    presence=AWAY,
    permission=Permission.AWAY,
    devices=(),
)


def on(device: Device = CARD, telemetry: Telemetry | None = None, **changes: object) -> DeviceSignals:
    """A device whose worker is ready and which nobody else uses."""
    signals = DeviceSignals(device, telemetry or at_rest(device), worker=WorkerStatus.READY)
    return replace(signals, **changes)  # type: ignore[arg-type]  # mypy cannot match names


class Looks:
    """Steps of the policy, one after the other."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.memory = Memory()
        self.at_ms = 0
        self.judgements: Judgements | None = None

    def look(self, signals: Signals, *, after_ms: int = 1000) -> Judgements:
        self.at_ms += after_ms
        self.memory, self.judgements = step(self.memory, signals, self.terms, self.at_ms)
        return self.judgements

    def works(self, signals: Signals, device: Device = CARD, *, after_ms: int = 1000) -> bool:
        return self.look(signals, after_ms=after_ms).devices[device.id].may_work

    def until(self, signals: Signals, condition: Callable[[Judgement], bool], device: Device = CARD) -> int:
        """Look every second until that holds; how many milliseconds it took. Fails after an hour."""
        start_ms = self.at_ms
        while not condition(self.look(signals).devices[device.id]):
            assert self.at_ms - start_ms < 3_600_000, "it never came to that"
        return self.at_ms - start_ms


def with_devices(signals: Signals, *devices: DeviceSignals) -> Signals:
    return replace(signals, devices=devices)
