"""What repeated measurements say together: a middle, how sure it is, and whether they were steady."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

UNSTEADY: Final = 0.05
AGREEMENT: Final = 0.02
RESAMPLES: Final = 1000
_TAIL: Final = 0.025


@dataclass(frozen=True, slots=True)
class Finding:
    """The median of samples, its 95 % bootstrap interval, and `spread`: interquartile range over median."""

    median: float
    low: float
    high: float
    spread: float

    @property
    def unsteady(self) -> bool:
        """Whether the samples lie further apart than their median deserves."""
        return self.spread > UNSTEADY


def summarise(samples: Sequence[float], seed: int) -> Finding:
    """What positive samples say. The same samples and seed give the same interval everywhere.

    Percentile bootstrap of the median, by Python's own Mersenne Twister. Not covered: samples that depend on each
    other, and fewer than about ten of them, where the interval is little more than their range. ValueError for none.
    """
    middle = median(samples)
    if len(samples) == 1:
        return Finding(middle, middle, middle, 0.0)
    chance = random.Random(seed)  # noqa: S311 - statistics that anybody can repeat, not a secret
    medians = sorted(median(chance.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    lower, _, upper = quantiles(samples, n=4, method="inclusive")
    reach = round(RESAMPLES * _TAIL)
    return Finding(middle, medians[reach], medians[-1 - reach], (upper - lower) / middle if middle else 0.0)


def agree(windows: Sequence[float], within: float = AGREEMENT) -> bool:
    """Whether the last three windows differ by no more than that share of the largest."""
    last = windows[-3:]
    return len(last) == 3 and max(last) - min(last) <= within * max(last)  # noqa: PLR2004 - three, as promised
