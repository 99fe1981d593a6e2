"""Counters of energy as drivers keep them: they wrap, start anew with the driver, and sometimes go back."""

from __future__ import annotations

from typing import Final

# More than any card or processor draws: an amount above it is a counter that jumped, not energy.
_MOST_W: Final = 5_000.0
_LEAST_S: Final = 0.05


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
