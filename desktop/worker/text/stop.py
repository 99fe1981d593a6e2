"""Stop strings: the answer ends before the first of them, and never shows a piece of one."""

from __future__ import annotations


class StopFilter:
    """Passes text through until one of `stops` is complete.

    The stop that is complete first wins, the longest of those that end together. The result does not depend on how
    the text was cut into pieces. Text that may be the beginning of a stop is held back until that is decided.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Take the next piece; return what is now final. After `stopped` is set nothing more comes out."""
        if self.stopped:
            return ""
        self._held += text
        matches = [(start + len(stop), start) for stop in self._stops if (start := self._held.find(stop)) != -1]
        if matches:
            self.stopped = True
            _, start = min(matches)
            return self._release(start)
        return self._release(len(self._held) - self._undecided())

    def flush(self) -> str:
        """The answer is over: what was held back was no stop."""
        return self._release(len(self._held))

    def _release(self, count: int) -> str:
        text, self._held = self._held[:count], "" if self.stopped else self._held[count:]
        return text

    def _undecided(self) -> int:
        """Length of the longest end of the held text that begins a stop."""
        longest = min(len(self._held), max((len(stop) for stop in self._stops), default=0))
        return next((size for size in range(longest, 0, -1) if self._begins(self._held[-size:])), 0)

    def _begins(self, text: str) -> bool:
        return any(stop.startswith(text) for stop in self._stops)
