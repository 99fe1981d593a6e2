"""What arrives of one benchmark, between the worker that tells and the task that reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from desktop.domain.benchmark import BenchmarkEvent, Closing, Opening, Part, Phase
from desktop.domain.errors import FrameError, HearthError, WorkerError
from desktop.domain.inference import FinishReason
from desktop.domain.products import OPENED
from desktop.worker.benchmark.words import EventForm, event_of
from desktop.worker.messages import Done

MOST_PARTS: Final = 64
_MOST_OTHERS: Final = 64


class BenchmarkInbox:
    """Events in their order. Of phases that nobody has read yet the newest stays; of all else there is a bound."""

    def __init__(self) -> None:
        self._waiting: list[BenchmarkEvent] = []
        self._left = {Part: MOST_PARTS, Opening: OPENED}
        self._others_left = _MOST_OTHERS
        self._end: HearthError | None = None
        self._news = asyncio.Event()

    def put(self, form: EventForm) -> bool:
        """Take an event; True if it was the last. FrameError for more of them than a benchmark has."""
        event = event_of(form)
        if isinstance(event, Phase):
            if self._waiting and isinstance(self._waiting[-1], Phase):
                self._waiting.pop()
        elif type(event) in self._left:
            self._left[type(event)] -= 1
        else:
            self._others_left -= 1
        if min(self._others_left, *self._left.values()) < 0:
            raise FrameError("The worker tells more of a benchmark than there can be.")
        self._waiting.append(event)
        self._news.set()
        return isinstance(event, Closing)

    def finish(self, done: Done) -> None:
        """A benchmark ends like this only when it was cancelled."""
        if done.reason is not FinishReason.CANCELLED:
            raise FrameError("The worker ended a benchmark as if it were an answer.")
        self.fail(WorkerError("The benchmark was cancelled."))

    def fail(self, error: HearthError) -> None:
        """End with an error."""
        self._end = error
        self._news.set()

    async def events(self) -> AsyncGenerator[BenchmarkEvent, None]:
        """Events as they come, a Closing last; or the error it ended with."""
        while True:
            while self._waiting:
                event = self._waiting.pop(0)
                yield event
                if isinstance(event, Closing):
                    return
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
