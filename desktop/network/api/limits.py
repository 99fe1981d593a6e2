"""What one visitor, and all of them together, may take: sizes, counts, rates and time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

from desktop.domain.errors import Busy
from desktop.network.api.errors import Problem, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit of the API; what a buyer should know of them is told by `GET /v1/info`.

    `head_bytes` must leave room for an ecash token of many proofs. `buffered_bytes` is what all requests together may
    hold in memory while they are read. Deadlines: for a request's head, for its body, and for a reader to take what
    is waiting for it; an idle connection is closed after `idle_timeout_s`.
    """

    body_bytes: int = 512 * 1024
    head_bytes: int = 64 * 1024
    headers: int = 64
    buffered_bytes: int = 24 * 1024 * 1024
    connections: int = 512
    connections_per_address: int = 256
    requests_in_flight: int = 400
    key_rate_per_s: float = 20.0
    key_burst: int = 60
    address_rate_per_s: float = 40.0
    address_burst: int = 300
    head_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    write_timeout_s: float = 20.0
    idle_timeout_s: float = 30.0


class Bucket:
    """Token buckets by name: `burst` requests at once, `rate_per_s` after that, at most `capacity` names remembered.

    The name least recently seen is forgotten first, which only ever favours the visitor. Names are kept as hashes,
    because some of them are session keys.
    """

    def __init__(self, *, rate_per_s: float, burst: int, now_s: Callable[[], float], capacity: int = 4096) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._now_s = now_s
        self._capacity = capacity
        self._levels: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: str) -> None:
        """Spend one request of that name, or raise Busy with the seconds until there is one."""
        now_s = self._now_s()
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        level, seen_s = self._levels.pop(digest, (float(self._burst), now_s))
        level = min(float(self._burst), level + (now_s - seen_s) * self._rate_per_s)
        allowed = level >= 1
        self._levels[digest] = (level - 1 if allowed else level, now_s)
        if len(self._levels) > self._capacity:
            self._levels.popitem(last=False)
        if not allowed:
            raise Busy(
                "Too many requests.",
                why=f"At most {self._rate_per_s:g} a second are taken, {self._burst} at once.",
                now="Slow down.",
                retry_after_s=max(1, ceil((1 - level) / self._rate_per_s)),
            )


class Pool:
    """A quantity all requests share; who asks for more than is left is told to come back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0

    @property
    def taken(self) -> int:
        """How much is in use."""
        return self._taken

    def take(self, amount: int) -> None:
        """Take that much, or raise Refused (503)."""
        if self._taken + amount > self._size:
            raise Refused(
                Problem(
                    503,
                    "upstream_error",
                    "overloaded",
                    "This node has its hands full. Try again in a moment, or ask another provider.",
                    retry_after_s=1,
                )
            )
        self._taken += amount

    def give(self, amount: int) -> None:
        """Give back what was taken."""
        self._taken -= amount

    @contextmanager
    def held(self, amount: int) -> Iterator[None]:
        """Take for as long as the block lasts."""
        self.take(amount)
        try:
            yield
        finally:
            self.give(amount)
