"""When to look next, for all that looks again and again while nothing happens."""

from __future__ import annotations

import math
from typing import Final

_TOO_SOON: Final = 0.01  # of the pause: who wakes a hair early has had this beat


def until_beat(now_s: float, every_s: float) -> float:
    """Seconds from `now_s` to the next whole multiple of `every_s`, which is positive.

    Whoever waits like this on one clock wakes together with all others whose pauses fit into each other, and the
    processor once for all of them. The first pause is a shorter one; none is longer than `every_s` and a hundredth.
    """
    pause_s = (math.floor(now_s / every_s) + 1) * every_s - now_s
    return pause_s if pause_s > every_s * _TOO_SOON else pause_s + every_s
