"""A ceiling for a value axis, and the marks below it, in round numbers."""

from __future__ import annotations

from typing import Final

MOST_MARKS: Final = 5
_STEPS: Final = (1, 2, 5, 10)


def marks(highest: int) -> tuple[int, ...]:
    """Ascending round numbers from zero to the first at or above `highest`; at least two."""
    if highest <= 0:
        return (0, 1)
    power = 1
    while True:
        for step in _STEPS:
            count = -(-highest // (step * power))
            if count <= MOST_MARKS:
                return tuple(step * power * mark for mark in range(count + 1))
        power *= 10
