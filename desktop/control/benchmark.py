"""How many tokens per second one answer gets: the running worker is asked a few times, as a buyer would ask it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final, Protocol

from desktop.control.snapshot import Measurement
from desktop.domain.errors import HearthError, Unavailable
from desktop.domain.inference import Delta, Finish, Generation, Message, Sampling

TIMES: Final = 3
TOKENS: Final = 96
PROMPT: Final = "Write a long story about a lighthouse keeper and the sea."


class Generator(Protocol):
    """The part of a worker that is measured."""

    def generate(self, generation: Generation) -> AsyncGenerator[Delta | Finish, None]:
        """The pieces of an answer."""
        ...


class Benchmark:
    """One measurement at a time; `result` is its latest state, `changed` is called when that is another.

    The rate is that of decoding: from the first token to the last. Not covered: several answers at once, prefill.
    """

    def __init__(
        self,
        worker: Callable[[], Generator],
        model_id: str | None,
        changed: Callable[[], None],
        now_ms: Callable[[], int],
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._worker = worker
        self._model_id = model_id
        self._changed = changed
        self._now_ms = now_ms
        self._clock_s = clock_s
        self._task: asyncio.Task[None] | None = None
        self.result: Measurement | None = None

    def start(self) -> None:
        """Begin, unless it runs. Raises Unavailable where there is nothing to measure."""
        if self._task is not None and not self._task.done():
            return
        if self._model_id is None:
            raise Unavailable("There is no chat model to measure.")
        worker = self._worker()
        self._show(Measurement(running=True, share_done=0.0))
        self._task = asyncio.create_task(self._measure(worker, self._model_id), name="benchmark")

    async def cancel(self) -> None:
        """End it; what was measured so far is dropped."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._show(None)

    async def _measure(self, worker: Generator, model_id: str) -> None:
        rates: list[float] = []
        try:
            for _ in range(TIMES):
                rates.append(await self._once(worker, model_id, rates))
        except HearthError as error:
            self._show(Measurement(running=False, share_done=0.0, detail=error.what))
            return
        self._show(
            Measurement(
                running=False,
                share_done=1.0,
                tokens_per_s=sorted(rates)[len(rates) // 2],
                low=min(rates),
                high=max(rates),
                at_ms=self._now_ms(),
            )
        )

    async def _once(self, worker: Generator, model_id: str, before: list[float]) -> float:
        sampling = replace(Sampling(), max_tokens=TOKENS, temperature=0.0)
        generation = Generation(
            job_id=uuid.uuid4().hex, model_id=model_id, sampling=sampling, messages=(Message("user", PROMPT),)
        )
        first_s, start_tokens, tokens, rate = 0.0, 0, 0, 0.0
        async with aclosing(worker.generate(generation)) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Delta) or not piece.tokens:
                    continue
                now_s = self._clock_s()
                if not tokens:
                    first_s, start_tokens, tokens = now_s, piece.tokens, piece.tokens
                    continue
                tokens += piece.tokens
                rate = (tokens - start_tokens) / max(now_s - first_s, 1e-9)
                done = (len(before) + min(1.0, tokens / TOKENS)) / TIMES
                self._show(Measurement(running=True, share_done=done, tokens_per_s=rate))
        if not rate:
            raise Unavailable("The answer was too short to be measured.")
        return rate

    def _show(self, result: Measurement | None) -> None:
        self.result = result
        self._changed()
