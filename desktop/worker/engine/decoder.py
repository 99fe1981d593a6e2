"""The forward pass of the Llama family over a mixed batch: rows of running answers and chunks of new prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional

from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.cache import KeyValueCache
from desktop.worker.engine.rotary import Rotary
from desktop.worker.engine.weights import Layer, Weights

_MOST_PADDING = 128


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive tokens of one request: they stand in `slot` from position `start` on.

    A running answer contributes one token. `wanted`: whether the hidden state after the last of them is asked for.
    """

    slot: int
    start: int
    tokens: Sequence[int]
    wanted: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows whose attention is computed by one call; `mask` is None where nothing needs hiding."""

    rows: slice
    slots: slice
    length: int
    mask: Tensor | None
    causal: bool


class Decoder:
    """Runs chunks through all layers at once: every weight is read once per step, whatever the mix.

    All rows share the matrix products. Attention runs per span: answers in neighbouring slots together, with the
    query heads of a group folded into the query axis so that keys and values are never repeated; each prompt chunk
    by itself. No shape depends on the content, but shapes do vary from step to step, so CUDA graphs would need the
    bucketing of rows and lengths that is not here yet.
    """

    def __init__(self, architecture: Architecture, weights: Weights, rotary: Rotary, cache: KeyValueCache) -> None:
        self._shape = architecture
        self._weights = weights
        self._rotary = rotary
        self._cache = cache
        self._device = weights.embedding.device

    def forward(self, chunks: Sequence[Chunk]) -> Tensor:
        """Post-norm hidden states [wanted, hidden], one row per wanted chunk in order: what the head takes.

        Single-token chunks come first, sorted by slot. Keys and values of every token are stored.
        """
        self._cache.reserve(max(chunk.start + len(chunk.tokens) for chunk in chunks))
        tokens = self._indices(chain.from_iterable(chunk.tokens for chunk in chunks))
        slots = self._indices(chain.from_iterable([chunk.slot] * len(chunk.tokens) for chunk in chunks))
        positions = self._indices(
            chain.from_iterable(range(chunk.start, chunk.start + len(chunk.tokens)) for chunk in chunks)
        )
        spans = self._spans(chunks)
        cosines, sines = self._rotary.at(positions)
        x = functional.embedding(tokens, self._weights.embedding)
        last = len(self._weights.layers) - 1
        for index, layer in enumerate(self._weights.layers):
            queries = self._project(index, layer, x, (cosines, sines), slots, positions)
            if index == last:
                wanted = self._wanted(chunks)
                if not wanted:
                    return x[:0]
                attended = self._attend(index, queries, spans)
                if len(wanted) < len(x):
                    rows = self._indices(wanted)
                    x, attended = x[rows], attended[rows]
            else:
                attended = self._attend(index, queries, spans)
            x += layer.output(attended)
            gate, up = layer.gate_up(self._norm(x, layer.inner_norm)).chunk(2, -1)
            x += layer.down(functional.silu(gate).mul_(up))
        return self._norm(x, self._weights.norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [rows, hidden] → logits [rows, vocabulary]."""
        return self._weights.head(hidden)

    def _project(
        self, index: int, layer: Layer, x: Tensor, angles: tuple[Tensor, Tensor], slots: Tensor, positions: Tensor
    ) -> Tensor:
        """Queries [rows, heads, head], turned; keys and values go to the cache."""
        shape = self._shape
        qkv = layer.qkv(self._norm(x, layer.input_norm)).view(len(x), -1, shape.head)
        turning = qkv[:, : shape.heads + shape.kv_heads]
        if layer.query_norm is not None and layer.key_norm is not None:
            queries, keys = turning[:, : shape.heads], turning[:, shape.heads :]
            turning = torch.cat([self._norm(queries, layer.query_norm), self._norm(keys, layer.key_norm)], 1)
        qkv[:, : shape.heads + shape.kv_heads] = self._rotary.turn(turning, *angles)
        self._cache.write(index, slots, positions, qkv[:, shape.heads :])
        return qkv[:, : shape.heads]

    def _attend(self, index: int, queries: Tensor, spans: Sequence[_Span]) -> Tensor:
        shape = self._shape
        outputs = []
        for span in spans:
            keys, values = self._cache.read(index, span.slots, span.length)
            if span.rows.stop - span.rows.start == span.slots.stop - span.slots.start:
                folded = queries[span.rows].reshape(-1, shape.kv_heads, shape.heads // shape.kv_heads, shape.head)
                output = functional.scaled_dot_product_attention(folded, keys, values, attn_mask=span.mask)
            else:
                output = functional.scaled_dot_product_attention(
                    queries[span.rows].transpose(0, 1)[None],
                    keys,
                    values,
                    attn_mask=span.mask,
                    is_causal=span.causal,
                    enable_gqa=True,
                )[0].transpose(0, 1)
            outputs.append(output.reshape(-1, shape.heads * shape.head))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _spans(self, chunks: Sequence[Chunk]) -> list[_Span]:
        singles = [chunk for chunk in chunks if len(chunk.tokens) == 1]
        spans = []
        row = 0
        for run in _runs(singles):
            lengths = [chunk.start + 1 for chunk in run]
            longest = max(lengths)
            mask = None
            if min(lengths) < longest:
                ends = self._indices(lengths)[:, None, None, None]
                mask = self._hide(torch.arange(longest, device=self._device) >= ends)
            slots = slice(run[0].slot, run[-1].slot + 1)
            spans.append(_Span(slice(row, row + len(run)), slots, longest, mask, causal=False))
            row += len(run)
        for chunk in chunks[len(singles) :]:
            count = len(chunk.tokens)
            mask = None
            if chunk.start:
                ends = torch.arange(chunk.start + 1, chunk.start + count + 1, device=self._device)[:, None]
                mask = self._hide(torch.arange(chunk.start + count, device=self._device) >= ends)
            slots = slice(chunk.slot, chunk.slot + 1)
            spans.append(_Span(slice(row, row + count), slots, chunk.start + count, mask, causal=not chunk.start))
            row += count
        return spans

    def _hide(self, hidden: Tensor) -> Tensor:
        zeros = torch.zeros(hidden.shape, device=self._device, dtype=self._weights.embedding.dtype)
        return zeros.masked_fill_(hidden, float("-inf"))

    def _wanted(self, chunks: Sequence[Chunk]) -> list[int]:
        rows, row = [], 0
        for chunk in chunks:
            row += len(chunk.tokens)
            if chunk.wanted:
                rows.append(row - 1)
        return rows

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, weight.shape, weight, self._shape.norm_epsilon)

    def _indices(self, values: Iterable[int]) -> Tensor:
        return torch.tensor(list(values), device=self._device)


def _runs(singles: Sequence[Chunk]) -> list[list[Chunk]]:
    """Neighbouring slots of similar length together: a call costs less than the padding of a few slots would."""
    runs: list[list[Chunk]] = []
    for chunk in singles:
        last = runs[-1] if runs else []
        if last and chunk.slot == last[-1].slot + 1 and abs(chunk.start - last[0].start) <= _MOST_PADDING:
            last.append(chunk)
        else:
            runs.append([chunk])
    return runs
