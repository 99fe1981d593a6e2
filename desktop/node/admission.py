"""How many requests may be inside at once: some at work, some waiting, the rest told when to come back.

Who waits gets a seat at a device in the order of arrival: see `desktop.node.fleet`.
"""

from __future__ import annotations

from collections.abc import Callable

from desktop.domain.errors import Busy


class Admission:
    """Tickets for as many jobs as there are `slots` now, and for `queue` more that wait.

    A ticket is taken before any money is touched, so that a full house costs a buyer nothing.
    """

    def __init__(self, *, slots: Callable[[], int], queue: int) -> None:
        self._slots = slots
        self._queue = queue
        self._inside = 0

    @property
    def inside(self) -> int:
        """Jobs at work and waiting."""
        return self._inside

    def enter(self) -> Ticket:
        """A ticket, or Busy."""
        slots = self._slots()
        if self._inside >= slots + self._queue:
            raise Busy(
                "All places are taken.",
                why=f"{slots} requests are being answered and {self._queue} wait.",
                now="Try again in a few seconds, or ask another provider.",
                retry_after_s=2,
            )
        self._inside += 1
        return Ticket(self)

    def leave(self) -> None:
        """Give a place back; called by the ticket, once."""
        self._inside -= 1


class Ticket:
    """A place inside. `close` gives it back; closing twice does nothing."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._closed = False

    def close(self) -> None:
        """Give the place back."""
        if not self._closed:
            self._closed = True
            self._admission.leave()
