"""Embeddings on an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from desktop.domain.errors import ContextOverflow, ModelCorrupt, RequestError
from desktop.domain.inference import EmbeddingBatch, Embeddings, Finish, FinishReason
from desktop.domain.pricing import Usage
from desktop.worker.engine.encoder import Encoder
from desktop.worker.engine.engine import EngineStats
from desktop.worker.lanes.lane import Output, require_unicode
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.text.tokenizer import Tokenizer

_TOKENS_PER_STEP = 512


@dataclass(slots=True)
class _Batch:
    """A job: its texts' tokens, the order they are taken in (by length, longest last), what is done."""

    tokens: list[list[int]]
    order: list[int]
    vectors: dict[int, tuple[float, ...]]

    @property
    def read(self) -> int:
        return sum(len(self.tokens[index]) for index in self.vectors)


class EmbeddingLane:
    """Works off batches in order of arrival, some texts a step, so that a large batch holds nobody up for long.

    Usage counts every text's tokens with the two that frame it. A text that does not fit is refused, never cut.
    """

    def __init__(self, entry: CatalogueEntry, tokenizer: Tokenizer, encoder: Encoder) -> None:
        self._entry = entry
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._batches: dict[str, _Batch] = {}
        self._steps = 0
        self._read = 0

    @classmethod
    def load(
        cls, entry: CatalogueEntry, folder: Path, device: torch.device, dtype: torch.dtype
    ) -> tuple[EmbeddingLane, int]:
        """The lane for the model in `folder`, and its vocabulary's size; ModelCorrupt if a file is not usable."""
        tokenizer = Tokenizer(folder)
        encoder = Encoder(folder, device, dtype)
        if tokenizer.size > encoder.vocabulary:
            raise ModelCorrupt("The file tokenizer.json is not usable.", why="It belongs to another model.")
        if entry.context_tokens > encoder.positions:
            raise ModelCorrupt("The file config.json is not usable.", why="Its context is shorter than declared.")
        encoder.embed([[0] * 8, [0] * 4])  # kernels, threads and lazy imports are there before the first job
        return cls(entry, tokenizer, encoder), encoder.vocabulary

    def submit(self, batch: EmbeddingBatch) -> None:
        """Queue the job; RequestError or ContextOverflow when a text cannot be embedded."""
        if not batch.texts or not all(batch.texts):
            raise RequestError("There is no text to embed, or one of them is empty.", parameter="input")
        for text in batch.texts:
            require_unicode(text, "input")
        tokens = self._tokenizer.encode_batch(batch.texts)
        longest = max(len(each) for each in tokens)
        if longest > self._entry.context_tokens:
            raise ContextOverflow(
                f"A text of {longest} tokens does not fit.",
                parameter="input",
                why=f"The model's context is {self._entry.context_tokens} tokens.",
                now="Split the text.",
            )
        # Longest last, because `pop` takes from the end: similar lengths share a step.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        self._batches[batch.job_id] = _Batch(tokens, order, {})

    def cancel(self, job_id: str) -> Finish | None:
        """Drop the job now; its usage is what was embedded so far."""
        batch = self._batches.pop(job_id, None)
        return Finish(FinishReason.CANCELLED, Usage(batch.read, 0)) if batch else None

    def step(self) -> list[tuple[str, Output]]:
        """Some more texts of the oldest job."""
        if not self._batches:
            return []
        job_id, batch = next(iter(self._batches.items()))
        taken = [batch.order.pop()]
        longest = len(batch.tokens[taken[0]])
        while batch.order and longest * (len(taken) + 1) <= _TOKENS_PER_STEP:
            taken.append(batch.order.pop())
        vectors = self._encoder.embed([batch.tokens[index] for index in taken]).tolist()
        batch.vectors.update(zip(taken, (tuple(vector) for vector in vectors), strict=True))
        self._steps += 1
        self._read += sum(len(batch.tokens[index]) for index in taken)
        if batch.order:
            return []
        del self._batches[job_id]
        ordered = tuple(batch.vectors[index] for index in range(len(batch.tokens)))
        return [(job_id, Embeddings(ordered, Usage(batch.read, 0)))]

    @property
    def idle(self) -> bool:
        """Whether no job is left."""
        return not self._batches

    def stats(self) -> EngineStats:
        """One slot: batches are worked off one after the other."""
        return EngineStats(
            slots=1,
            running=min(len(self._batches), 1),
            waiting=max(len(self._batches) - 1, 0),
            steps=self._steps,
            prompt_tokens=self._read,
            completion_tokens=0,
            cache_bytes=0,
        )
