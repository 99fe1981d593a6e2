"""What a device says of itself while it works for minutes without a pause: how hot it gets, what holds it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from desktop.domain.benchmark import SOAKING, SPEED_KEPT, BenchmarkEvent, Part, Phase
from desktop.domain.device import Telemetry

LOOK_EVERY_MS: Final = 2_000
_LONGEST: Final = 400


class Gauge(Protocol):
    """Reads devices, as `desktop.machine.devices.devices.Devices` does."""

    async def read(self, device_id: str) -> Telemetry:
        """The device as it is now; never raises."""
        ...


class SoakWatch:
    """Looks at one device every two seconds at most, however often it is asked to."""

    def __init__(self, gauge: Gauge, device_id: str) -> None:
        self._gauge = gauge
        self._device_id = device_id
        self._looked_ms: int | None = None
        self._hottest_c: float | None = None
        self._throttled: dict[str, None] = {}

    async def hear(self, event: BenchmarkEvent, now_ms: int) -> BenchmarkEvent:
        """Look while that goes on; the part that tells how the speed lasted gets what was seen as its note."""
        if isinstance(event, Phase) and event.words == SOAKING:
            await self._look(now_ms)
        elif isinstance(event, Part) and event.name.startswith(SPEED_KEPT):
            return replace(event, note=self._note)
        return event

    async def _look(self, now_ms: int) -> None:
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        seen = await self._gauge.read(self._device_id)
        if seen.temperature_c is not None:
            self._hottest_c = max(seen.temperature_c, self._hottest_c or seen.temperature_c)
        self._throttled |= dict.fromkeys(seen.throttled)

    @property
    def _note(self) -> str:
        said = [] if self._hottest_c is None else [f"It reached {self._hottest_c:.0f} °C."]
        if self._throttled:
            said.append(f"It held itself back: {', '.join(self._throttled)}.")
        return " ".join(said)[:_LONGEST]
