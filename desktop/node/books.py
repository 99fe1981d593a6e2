"""The ledger, off the event loop: one thread writes, in order, and nobody waits on a disk in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from desktop.ledger.record import Ledger

T = TypeVar("T")


class Books:
    """Runs calls on the ledger in its own thread, one after the other."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    async def run(self, call: Callable[[Ledger], T]) -> T:
        """The result of `call(ledger)`; its errors are raised here.

        Once begun a call is not cancelled with its caller: what is being written is written.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, self._ledger)

    async def close(self) -> None:
        """Wait for what is under way and close the ledger."""
        await self.run(Ledger.close)
        self._thread.shutdown()
