"""Minutes of the hardest work there is: whether the speed lasts once everything is warm."""

from __future__ import annotations

from typing import Final

from desktop.domain.benchmark import SPEED_KEPT, Part, Unit, writing
from desktop.domain.steadiness import Finding, summarise
from desktop.worker.benchmark.model import MILLI, Exercise
from desktop.worker.benchmark.repetition import Named, Steps

WINDOWS: Final = 40
_QUARTER: Final = WINDOWS // 4
_PPM: Final = 1_000_000
_MINUTE_MS: Final = 60_000


def soak(exercise: Exercise, soak_ms: int) -> Steps[list[Part]]:
    """Write as many answers at once as there is room for, all that time.

    Two parts: the speed over all of it, and the speed of the last quarter as a share of that of the first, with the
    widest interval that both allow.
    """
    batch, minutes = exercise.subject.slots, round(soak_ms / _MINUTE_MS)
    rates = yield from exercise.sustain(batch, windows=WINDOWS, window_s=soak_ms / 1000 / WINDOWS)
    whole, first, last = (summarise(part, exercise.seed) for part in (rates, rates[:_QUARTER], rates[-_QUARTER:]))
    kept = Finding(last.median / first.median, last.low / first.high, last.high / first.low, 0.0)
    speed = Named(f"{writing(batch)}, for {minutes} min", Unit.TOKENS, MILLI)
    share = Named(f"{SPEED_KEPT} {minutes} min", Unit.SHARE, _PPM)
    return [speed.part(whole, WINDOWS), share.part(kept, _QUARTER)]
