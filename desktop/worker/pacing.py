"""How much of the time the worker computes: work, then rest as long as the owner's share asks for."""

from __future__ import annotations

from typing import Final

# What a rest lasted longer than it should (the system wakes nobody to the microsecond) the next one is shorter by.
_MOST_CREDIT_S: Final = 0.05


class DutyCycle:
    """Keeps computing to a share of the time, step by step: after each step a rest in proportion to it.

    `share` lies above 0 and at most at 1, and may change at any time. Times are seconds of one steady clock. A rest
    is never saved up while there is nothing to do.
    """

    def __init__(self) -> None:
        self._share = 1.0
        self._due_s = float("-inf")

    @property
    def share(self) -> float:
        """The share of the time in which it computes."""
        return self._share

    def change(self, share: float, now_s: float) -> None:
        """Another share from now on; what was still owed to the old one is forgiven."""
        self._share = share
        self._due_s = now_s

    def rest_s(self, now_s: float) -> float:
        """How long to rest from now before the next step; 0 if it may begin."""
        return max(self._due_s - now_s, 0.0)

    def worked(self, began_s: float, ended_s: float) -> None:
        """A step was done: the next one is due after its rest."""
        late_s = min(max(began_s - self._due_s, 0.0), _MOST_CREDIT_S)
        rest_s = (ended_s - began_s) * (1 - self._share) / self._share
        self._due_s = ended_s + rest_s - min(late_s, rest_s)
