"""The real engine on the loaded model: how fast it reads prompts and writes answers, alone and with others.

What counts is the time inside the engine's steps; passing tokens on, which overlaps in no way with them, is not in it.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import torch

from desktop.domain.benchmark import EnergyWindow, Part, Unit, writing
from desktop.worker.benchmark.repetition import BLOCKS, SETS, Block, Clock, Named, Steps, measure
from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.engine import Engine, Request
from desktop.worker.engine.sampler import Choice

MILLI: Final = 1000.0
PROMPT: Final = 16
DIGESTED: Final = 32
_BLOCK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded model, idle. `context_tokens` is the longest prompt and answer together."""

    engine: Engine
    architecture: Architecture
    context_tokens: int
    dtype: torch.dtype

    @property
    def slots(self) -> int:
        """How many answers run at once."""
        return self.engine.stats().slots

    @property
    def streamed_bytes(self) -> int:
        """The weights that one step of decoding reads, whatever the batch; keys and values come on top."""
        return (_layer_weights(self.architecture) + _head_weights(self.architecture)) * self.dtype.itemsize

    def flops_to_read(self, tokens: int) -> int:
        """Multiplications and additions that reading a prompt takes: layers, causal attention, one row of logits."""
        a = self.architecture
        attention = 2 * a.layers * a.heads * a.head * tokens * (tokens + 1)
        return 2 * _layer_weights(a) * tokens + attention + 2 * _head_weights(a)


@dataclass(slots=True)
class Exercise:
    """Runs one model with made-up prompts drawn from a seed."""

    subject: Subject
    clock: Clock
    seed: int
    outputs: dict[str, str] = field(default_factory=dict)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - prompts that anybody can make again

    def reading(self, tokens: int) -> Block:
        """Blocks that read a prompt of so many tokens; tokens per second until the first one of the answer."""
        engine = self.subject.engine

        def block() -> Steps[float]:
            engine.submit(self._request("benchmark", tokens, 1))
            spent_s = 0.0
            try:
                while True:
                    start = self.clock()
                    events = engine.step()
                    spent_s += self.clock() - start
                    if events:
                        return tokens / spent_s
                    yield
            finally:
                engine.cancel("benchmark")

        return block

    def write(self, what: Named, batch: int, *, until_s: float) -> Steps[Part]:
        """Measure how fast `batch` answers are written at once, in tokens per second of all together."""
        engine = self.subject.engine
        names = [f"benchmark-{number}" for number in range(batch)]
        try:
            if self.clock() >= until_s:
                return what.absent("There was no time left for it.")
            yield from self._begin(names)
            start = self.clock()
            first = [event.token for event in engine.step()]
            step_s = self.clock() - start
            room = (self.subject.context_tokens - 2 * PROMPT) // (BLOCKS * SETS + 1)
            steps = max(1, min(round(_BLOCK_S / max(step_s, 1e-9)), room))
            written = first[:1]

            def block() -> Steps[float]:
                spent_s, tokens = 0.0, 0
                for _ in range(steps):
                    start = self.clock()
                    events = engine.step()
                    spent_s += self.clock() - start
                    tokens += len(events)
                    written.extend(event.token for event in events if event.request_id == names[0])
                    yield
                return tokens / spent_s if tokens else 0.0

            part = yield from measure(what, block, until_s=until_s, clock=self.clock, seed=self.seed)
            if batch == 1 and len(written) >= DIGESTED:
                data = b"".join(token.to_bytes(4, "big") for token in written[:DIGESTED])
                self.outputs[what.name] = sha256(data).hexdigest()
            return part
        finally:
            for name in names:
                engine.cancel(name)

    def burn(self, batch: int, window_s: float) -> Generator[EnergyWindow | None, None, None]:
        """Write `batch` answers at once for a window, so that somebody outside can read the energy it took."""
        engine = self.subject.engine
        names = [f"benchmark-{number}" for number in range(batch)]
        try:
            yield from self._begin(names)
            yield EnergyWindow(ended=False, batch=batch)
            tokens, until_s = 0, self.clock() + window_s
            while not tokens or self.clock() < until_s:
                tokens += yield from self._written()
            yield EnergyWindow(ended=True, tokens=tokens, batch=batch)
        finally:
            for name in names:
                engine.cancel(name)

    def sustain(self, batch: int, *, windows: int, window_s: float) -> Steps[list[float]]:
        """Write `batch` answers at once without a pause; tokens per second of all together in each window."""
        engine = self.subject.engine
        names = [f"benchmark-{number}" for number in range(batch)]
        rates = []
        try:
            yield from self._begin(names)
            for _ in range(windows):
                tokens, start = 0, self.clock()
                while not tokens or self.clock() < start + window_s:
                    tokens += yield from self._written()
                rates.append(tokens / (self.clock() - start))
            return rates
        finally:
            for name in names:
                engine.cancel(name)

    def _written(self) -> Steps[int]:
        """How many tokens one step writes. Answers that fill the context are begun anew, with their prompts."""
        engine = self.subject.engine
        events = engine.step()
        for event in events:
            if event.finish:
                engine.submit(self._answer(event.request_id))
        yield
        return len(events)

    def _begin(self, names: list[str]) -> Steps[None]:
        """All answers begun, each with its first token out."""
        for name in names:
            self.subject.engine.submit(self._answer(name))
        waiting = set(names)
        while waiting:
            waiting -= {event.request_id for event in self.subject.engine.step()}
            yield

    def _answer(self, name: str) -> Request:
        return self._request(name, PROMPT, self.subject.context_tokens - PROMPT)

    def _request(self, name: str, prompt_tokens: int, tokens: int) -> Request:
        vocabulary = self.subject.architecture.vocabulary
        prompt = tuple(self._chance.randrange(vocabulary) for _ in range(prompt_tokens))
        # No stop token: an answer goes on until it is told to end. Sampled, because that is what buyers ask for.
        return Request(name, prompt, tokens, Choice(temperature=1.0, seed=self.seed), frozenset())


def reading_name(tokens: int) -> Named:
    """What reading a prompt is called."""
    return Named(f"read {tokens} tokens", Unit.TOKENS, MILLI)


def writing_name(batch: int) -> Named:
    """What writing answers is called."""
    return Named(writing(batch), Unit.TOKENS, MILLI)


def _layer_weights(a: Architecture) -> int:
    attention = (2 * a.heads + 2 * a.kv_heads) * a.head * a.hidden
    return a.layers * (attention + 3 * a.inner * a.hidden)


def _head_weights(a: Architecture) -> int:
    return a.vocabulary * a.hidden
