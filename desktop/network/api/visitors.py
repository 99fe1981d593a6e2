"""Who is connected: how many, from where, and when the last has left."""

from __future__ import annotations

import asyncio
from collections import Counter


class Visitors:
    """Counts connections, in all and by address."""

    def __init__(self, *, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()
        self._none = asyncio.Event()
        self._none.set()

    def enter(self, address: str) -> bool:
        """Count one in; whether there is room for it. It must `leave` in either case."""
        self._by_address[address] += 1
        self._none.clear()
        return self._by_address.total() <= self._most and self._by_address[address] <= self._most_per_address

    def leave(self, address: str) -> None:
        """Count one out."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        if not self._by_address:
            self._none.set()

    async def wait_until_gone(self, timeout_s: float) -> None:
        """Until nobody is connected, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._none.wait()
        except TimeoutError:
            return
