"""How fast bytes come, over the last seconds, and how long the rest will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from desktop.downloads.wanted import Progress

WINDOW_S: Final = 10.0
_ENOUGH_S: Final = 1.0


class Pace:
    """Told of every arrival; gives a Progress."""

    def __init__(self, done_bytes: int, total_bytes: int | None, clock_s: Callable[[], float]) -> None:
        self._total = total_bytes
        self._clock_s = clock_s
        self._marks = deque([(clock_s(), done_bytes)])

    def at(self, done_bytes: int) -> Progress:
        """The progress, now that so many bytes are there."""
        now_s = self._clock_s()
        self._marks.append((now_s, done_bytes))
        # The last mark before the window stays, so that a rate always spans the whole window.
        while len(self._marks) > 2 and self._marks[1][0] <= now_s - WINDOW_S:  # noqa: PLR2004 - a rate needs two marks
            self._marks.popleft()
        since_s, then_bytes = self._marks[0]
        if now_s - since_s < _ENOUGH_S:
            return Progress(done_bytes, self._total)
        rate = (done_bytes - then_bytes) / (now_s - since_s)
        left_s = None if self._total is None or rate <= 0 else (self._total - done_bytes) / rate
        return Progress(done_bytes, self._total, rate, left_s)
