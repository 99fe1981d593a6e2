"""Work with money is done to its end, even while the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def lasting(work: Coroutine[object, object, T]) -> tuple[T, bool]:
    """The result of that work, and whether this task was cancelled meanwhile.

    Cancelling a request's task means that the server stops. It is taken note of, not obeyed: a token half redeemed
    or a job half settled would be worse than a moment more.
    """
    task = asyncio.ensure_future(work)
    stopped = False
    while True:
        try:
            return await asyncio.shield(task), stopped
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            forgive()
            stopped = True


def forgive() -> None:
    """Take back the cancellation of this task, which goes on to end in order."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
