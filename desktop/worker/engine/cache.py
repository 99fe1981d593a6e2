"""Keys and values of every request being answered, in fixed slots."""

from __future__ import annotations

import torch
from torch import Tensor

from desktop.worker.engine.architecture import Architecture

_FIRST_CAPACITY = 256


class KeyValueCache:
    """Per layer one tensor [slots, 2 · kv_heads, capacity, head]: keys first, then values.

    A slot belongs to one request at a time and keeps its place in memory, so a run of neighbouring slots is read as
    one view, without a copy. Capacity starts small and doubles up to `positions` when a request needs more; unused
    places hold zeros or a former request's finite numbers, which attention masks away.
    """

    def __init__(
        self, architecture: Architecture, slots: int, positions: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._positions = positions
        self._kv_heads = architecture.kv_heads
        capacity = min(_FIRST_CAPACITY, positions)
        shape = (slots, 2 * architecture.kv_heads, capacity, architecture.head)
        self._layers = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(architecture.layers)]

    @property
    def size_bytes(self) -> int:
        """Memory held now."""
        return sum(layer.nbytes for layer in self._layers)

    def reserve(self, length: int) -> None:
        """Make room for `length` positions in every slot."""
        capacity = self._layers[0].shape[2]
        if length <= capacity:
            return
        while capacity < length:
            capacity *= 2
        capacity = min(capacity, self._positions)
        for index, old in enumerate(self._layers):
            new = old.new_zeros((*old.shape[:2], capacity, old.shape[3]))
            new[:, :, : old.shape[2]] = old
            self._layers[index] = new

    def write(self, layer: int, slots: Tensor, positions: Tensor, keys_values: Tensor) -> None:
        """Store rows [rows, 2 · kv_heads, head] at each row's slot and position."""
        self._layers[layer][slots, :, positions] = keys_values

    def read(self, layer: int, slots: slice, length: int) -> tuple[Tensor, Tensor]:
        """Views of the first `length` keys and values of neighbouring slots: each [slots, kv_heads, length, head]."""
        span = self._layers[layer][slots, :, :length]
        return span[:, : self._kv_heads], span[:, self._kv_heads :]
