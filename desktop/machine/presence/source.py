"""One signal and the places it can be read from: asked in order, each within a deadline, none ever raising."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

DEADLINE_S: Final = 0.25
FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 60.0
# Who lets us wait once will do so again: each try costs the whole deadline.
FIRST_REST_AFTER_SILENCE_S: Final = 8.0

Value = TypeVar("Value")


class SourceFailed(Exception):
    """This source cannot tell now; the text says why, in words for the owner."""


@dataclass(frozen=True, slots=True)
class Source(Generic[Value]):
    """One place where a signal can be read. `read` may raise SourceFailed or OSError, and nothing else."""

    name: str
    read: Callable[[], Awaitable[Value]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a signal comes from; `source` is empty where it is unknown, and `why` then says why."""

    signal: str
    source: str
    why: str


@dataclass(slots=True)
class _Rest:
    until_s: float = 0.0
    failures: int = 0
    why: str = ""


class Signal(Generic[Value]):
    """The value of the first source that tells, None while none does.

    A source that fails is left alone for a while, twice as long each time, up to a minute. What is read is good for
    `every_s`, so that things which change rarely cost nothing.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[Source[Value]],
        *,
        every_s: float = 0.0,
        deadline_s: float = DEADLINE_S,
        now_s: Callable[[], float],
    ) -> None:
        self._name = name
        self._sources = tuple(sources)
        self._rests = [_Rest() for _ in sources]
        self._every_s = every_s
        self._deadline_s = deadline_s
        self._now_s = now_s
        self._value: Value | None = None
        self._read_at_s = float("-inf")
        self._teller = ""

    @property
    def due(self) -> bool:
        """Whether `read` would ask anybody: what is known is old, and somebody is not resting."""
        now_s = self._now_s()
        return now_s - self._read_at_s >= self._every_s and any(now_s >= rest.until_s for rest in self._rests)

    @property
    def value(self) -> Value | None:
        """What was read last."""
        return self._value

    async def read(self) -> Value | None:
        """The value now; None where no source tells. Takes at most the deadline per source that is not resting."""
        if not self.due:
            return self._value
        self._value, self._teller = await self._ask()
        self._read_at_s = self._now_s()
        return self._value

    def origin(self) -> Origin:
        """Which source told last, or why none did."""
        if self._teller:
            return Origin(self._name, self._teller, "")
        told = "; ".join(
            f"{source.name}: {rest.why}" for source, rest in zip(self._sources, self._rests, strict=True) if rest.why
        )
        return Origin(self._name, "", told or ("not asked yet" if self._sources else "nothing here could tell"))

    async def _ask(self) -> tuple[Value | None, str]:
        for source, rest in zip(self._sources, self._rests, strict=True):
            if self._now_s() < rest.until_s:
                continue
            try:
                async with asyncio.timeout(self._deadline_s):
                    value = await source.read()
            except TimeoutError:
                self._send_to_rest(rest, "it does not answer", FIRST_REST_AFTER_SILENCE_S)
            except SourceFailed as error:
                self._send_to_rest(rest, str(error), FIRST_REST_S)
            except OSError as error:
                self._send_to_rest(rest, error.strerror or type(error).__name__, FIRST_REST_S)
            else:
                rest.failures, rest.why = 0, ""
                return value, source.name
        return None, ""

    def _send_to_rest(self, rest: _Rest, why: str, first_s: float) -> None:
        rest.why = why
        rest.until_s = self._now_s() + min(first_s * 2.0**rest.failures, LONGEST_REST_S)
        rest.failures = min(rest.failures + 1, 10)
