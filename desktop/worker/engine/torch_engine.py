"""The default engine: our own decode loop on torch, continuous batching over fixed slots."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import torch

from desktop.domain.inference import FinishReason
from desktop.domain.pricing import Usage
from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.cache import KeyValueCache
from desktop.worker.engine.decoder import Chunk, Decoder
from desktop.worker.engine.engine import EngineStats, Request, TokenEvent
from desktop.worker.engine.rotary import Rotary
from desktop.worker.engine.sampler import Choice, choose
from desktop.worker.engine.weights import load_weights
from desktop.worker.engine.widths import quickest_widths


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests run at once, and how many prompt tokens one step may read.

    Fewer while answers are running, so that none of them waits long for a newcomer's prompt. But everyone waits for a
    step, who is yet to begin too: where newcomers outnumber the answers, each answer bears with that many of them.
    """

    slots: int = 8
    prompt_tokens_alone: int = 512
    prompt_tokens_beside: int = 64

    def prompt_tokens(self, *, answers: int, newcomers: int, short: bool) -> int:
        """How many in one step, beside so many answers; `short`: always as beside a crowd of them."""
        if short:
            return self.prompt_tokens_beside
        if not answers:
            return self.prompt_tokens_alone
        return min(self.prompt_tokens_alone, self.prompt_tokens_beside * max(1, newcomers // answers))


@dataclass(slots=True)
class _Running:
    request: Request
    slot: int
    read: int = 0
    written: list[int] = field(default_factory=list)

    @property
    def unread(self) -> int:
        return len(self.request.prompt) - self.read


class TorchEngine:
    """An `Engine` for the Llama family.

    Each step is one forward pass over the next token of every running answer and as many waiting prompt tokens as
    `Pace` allows: prompts are packed together and long ones cut. Sampling is reproducible per request (see
    `sampler.choose`). The batch changes logits by rounding only (about 1e-5 in fp32), which can flip a choice between
    two tokens that are that close. Kernels are launched one by one: on a GPU, CUDA graphs are still to come.
    """

    def __init__(self, decoder: Decoder, cache: KeyValueCache, pace: Pace) -> None:
        self._decoder = decoder
        self._cache = cache
        self._pace = pace
        self._free = list(range(pace.slots))
        self._waiting: deque[Request] = deque()
        self._running: list[_Running] = []
        self._steps = 0
        self._short = False
        self._prompt_tokens = 0
        self._completion_tokens = 0

    @classmethod
    def load(
        cls,
        folder: Path,
        architecture: Architecture,
        *,
        context_tokens: int,
        device: torch.device,
        dtype: torch.dtype,
        pace: Pace,
    ) -> TorchEngine:
        """An engine, warmed up, for the safetensors in `folder`; ModelCorrupt where they do not fit `architecture`."""
        with torch.inference_mode():
            widths = quickest_widths(device, dtype)
            weights = load_weights(folder, architecture, device, dtype, widths=widths)
            rotary = Rotary(architecture, context_tokens, device, dtype)
            cache = KeyValueCache(architecture, pace.slots, context_tokens, device, dtype)
            decoder = Decoder(architecture, weights, rotary, cache)
            _warm_up(decoder)
            return cls(decoder, cache, pace)

    def submit(self, request: Request) -> None:
        """Queue the request; it takes the next free slot."""
        self._waiting.append(request)

    def cancel(self, request_id: str) -> Usage | None:
        """Free the request's slot at once; the usage counts the prompt as far as it was read."""
        for running in self._running:
            if running.request.id == request_id:
                self._release(running)
                return Usage(running.read, len(running.written))
        for request in self._waiting:
            if request.id == request_id:
                self._waiting.remove(request)
                return Usage(0, 0)
        return None

    @torch.inference_mode()
    def step(self) -> list[TokenEvent]:
        """One forward pass; one event per answer that got a token."""
        self._admit()
        batch = self._compose()
        if not batch:
            return []
        self._steps += 1
        hidden = self._decoder.forward([chunk for _, chunk in batch])
        for running, chunk in batch:
            if running.unread:
                running.read += len(chunk.tokens)
                self._prompt_tokens += len(chunk.tokens)
        if not len(hidden):
            return []
        # In fp32 on the CPU, whatever the device: the choice must not depend on it.
        logits = self._decoder.logits(hidden).float().cpu().numpy()
        receivers = [running for running, chunk in batch if chunk.wanted]
        return [
            self._advance(running, choose(row, running.request.choice, len(running.written)), state)
            for running, row, state in zip(receivers, logits, hidden, strict=True)
        ]

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - it is what is kept
        """Read prompts always as if answers were running beside."""
        self._short = short

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._running and not self._waiting

    def stats(self) -> EngineStats:
        """Numbers for the status line."""
        return EngineStats(
            slots=self._pace.slots,
            running=len(self._running),
            waiting=len(self._waiting),
            steps=self._steps,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            cache_bytes=self._cache.size_bytes,
        )

    def _admit(self) -> None:
        while self._waiting and self._free:
            # The lowest slot, so that running answers stay neighbours and are attended to together.
            slot = min(self._free)
            self._free.remove(slot)
            self._running.append(_Running(self._waiting.popleft(), slot))

    def _compose(self) -> list[tuple[_Running, Chunk]]:
        batch = [
            (each, Chunk(each.slot, each.read + len(each.written) - 1, each.written[-1:], wanted=True))
            for each in self._running
            if not each.unread
        ]
        newcomers = len(self._running) - len(batch)
        budget = self._pace.prompt_tokens(answers=len(batch), newcomers=newcomers, short=self._short)
        for each in self._running:
            count = min(each.unread, budget)
            if count:
                tokens = each.request.prompt[each.read : each.read + count]
                batch.append((each, Chunk(each.slot, each.read, tokens, wanted=count == each.unread)))
                budget -= count
        return sorted(batch, key=lambda pair: (len(pair[1].tokens) > 1, pair[1].slot))

    def _advance(self, running: _Running, token: int, hidden: torch.Tensor) -> TokenEvent:
        running.written.append(token)
        self._completion_tokens += 1
        request = running.request
        finish = None
        if token in request.stop_tokens:
            finish = FinishReason.STOP
        elif len(running.written) >= request.max_tokens:
            finish = FinishReason.LENGTH
        if finish:
            self._release(running)
        return TokenEvent(request.id, token, hidden, finish)

    def _release(self, running: _Running) -> None:
        self._running.remove(running)
        self._free.append(running.slot)


def _warm_up(decoder: Decoder) -> None:
    """Touch every kind of step once, so that kernels, threads and lazy imports are there before the first job."""
    decoder.forward([Chunk(slot=0, start=0, tokens=[0] * 8, wanted=False)])
    hidden = decoder.forward([Chunk(slot=0, start=8, tokens=[0], wanted=True)])
    choose(decoder.logits(hidden).float().cpu().numpy()[0], Choice(temperature=1.0, top_p=0.9, top_k=9, min_p=0.1), 0)
