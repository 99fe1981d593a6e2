"""Counters of energy as drivers keep them: they wrap, start anew with the driver, and sometimes go back."""

from __future__ import annotations

from typing import Final

# More than any card or processor draws: an amount above it is a counter that jumped, not energy.
_MOST_W: Final = 5_000.0
_LEAST_S: Final = 0.05
_CHECKED_OVER_MS: Final = 10_000
_LONGEST_STEP_MS: Final = 5_000
_MOST_OFF: Final = 2.0


class Meter:
    """Adds up what one counter counts, so that the sum only grows. What is lost in a restart is lost, never made up.

    `range_j` is the amount at which the counter wraps to zero; None: it does not.
    """

    def __init__(self, range_j: float | None = None) -> None:
        self._range_j = range_j
        self._last: tuple[int, float] | None = None
        self.energy_j: float | None = None
        self.power_w: float | None = None

    def count(self, at_ms: int, raw_j: float | None) -> None:
        """Take one reading; afterwards `energy_j` is the sum and `power_w` the mean since the reading before."""
        if raw_j is None:
            self.power_w = None
            return
        if self._last is None or self.energy_j is None:
            self._last, self.energy_j = (at_ms, raw_j), self.energy_j or raw_j
            return
        last_ms, last_j = self._last
        passed_s = (at_ms - last_ms) / 1000
        grown_j = raw_j - last_j
        if grown_j < 0 and self._range_j is not None:
            grown_j += self._range_j
        self._last = (at_ms, raw_j)
        if grown_j < 0 or grown_j > _MOST_W * max(passed_s, _LEAST_S):
            self.power_w = None  # started anew: how much went by meanwhile is not known
            return
        self.energy_j += grown_j
        if passed_s >= _LEAST_S:
            self.power_w = grown_j / passed_s


class CheckedMeter:
    """A counter of a driver that is known to count wrong on some cards: believed once it agrees with the power.

    It is compared over ten seconds. A counter that is further off than a factor of two is never believed again.
    """

    def __init__(self) -> None:
        self._meter = Meter()
        self._last: tuple[int, float] | None = None
        self._checked_ms = 0
        self._drawn_j = 0.0
        self._from_j = 0.0
        self._believed: bool | None = None

    @property
    def energy_j(self) -> float | None:
        """The sum so far; None until the counter is believed, and where it is not."""
        return self._meter.energy_j if self._believed else None

    def count(self, at_ms: int, raw_j: float | None, power_w: float | None) -> None:
        """Take one reading of the counter, and of the power that it ought to count."""
        self._meter.count(at_ms, raw_j)
        energy_j = self._meter.energy_j
        if self._believed is not None or raw_j is None or power_w is None or energy_j is None:
            self._last = None
            return
        last, self._last = self._last, (at_ms, power_w)
        if last is None or not 0 < at_ms - last[0] <= _LONGEST_STEP_MS:
            self._checked_ms, self._drawn_j, self._from_j = 0, 0.0, energy_j
            return
        self._checked_ms += at_ms - last[0]
        self._drawn_j += (last[1] + power_w) / 2 * (at_ms - last[0]) / 1000
        if self._checked_ms >= _CHECKED_OVER_MS and self._drawn_j > 0:
            self._believed = self._drawn_j / _MOST_OFF <= energy_j - self._from_j <= self._drawn_j * _MOST_OFF
