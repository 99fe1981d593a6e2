"""How many requests may be inside at once: some at work, some waiting, the rest told when to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from desktop.domain.errors import Busy


class Admission:
    """Tickets for `slots` jobs at work and `queue` waiting ones, first come, first served.

    A ticket is taken before any money is touched, so that a full house costs a buyer nothing.
    """

    def __init__(self, *, slots: int, queue: int) -> None:
        self._slots = slots
        self._capacity = slots + queue
        self._inside = 0
        self._turns = asyncio.Semaphore(slots)

    @property
    def inside(self) -> int:
        """Jobs at work and waiting."""
        return self._inside

    def enter(self) -> Ticket:
        """A ticket, or Busy."""
        if self._inside >= self._capacity:
            raise Busy(
                "All places are taken.",
                why=f"{self._slots} requests are being answered and {self._capacity - self._slots} wait.",
                now="Try again in a few seconds, or ask another provider.",
                retry_after_s=2,
            )
        self._inside += 1
        return Ticket(self)

    def leave(self) -> None:
        """Give a place back; called by the ticket, once."""
        self._inside -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one of the places at work and hold it."""
        async with self._turns:
            yield


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
