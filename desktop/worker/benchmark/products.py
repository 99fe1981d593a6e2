"""The matrix products whose factors a seed fixes (`desktop.domain.products`): timed, committed to, opened."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, Literal

import torch
from torch import Tensor

from desktop.domain.benchmark import Commitment, Opening
from desktop.domain.errors import WorkerError
from desktop.domain.merkle import Tree, leaf
from desktop.domain.products import LIFT, SHIFT, SIZES, challenge, factor_row
from desktop.worker.benchmark.repetition import Steps
from desktop.worker.benchmark.stopwatch import Stopwatch

ROUNDS: Final = 12
_BLOCK_S: Final = 0.02
_FP32_BYTES: Final = 4
_MATRICES: Final = 4
_REACH: Final = 40


def flops(size: int) -> int:
    """What one product takes."""
    return 2 * size**3


def fitting_size(device: torch.device, flop_per_s: float, time_s: float, memory_bytes: int) -> int:
    """The largest size of which some dozens of products fit into that time and that memory."""
    largest = 1024 if device.type == "cpu" else SIZES[-1]
    for size in reversed(SIZES):
        if size > largest or _MATRICES * _FP32_BYTES * size**2 > memory_bytes:
            continue
        if _REACH * flops(size) <= flop_per_s * time_s:
            return size
    return SIZES[0]


class Products:
    """One round after the other. What is kept of each is its tree of hashes, not its numbers.

    fp32 computes these products exactly, so a row that is computed a second time, to be opened, has the same bytes.
    """

    def __init__(self, seed: bytes, size: int, device: torch.device, stopwatch: Stopwatch) -> None:
        self._seed = seed
        self._size = size
        self._device = device
        self._stopwatch = stopwatch
        self._trees: list[Tree] = []
        self._product = torch.empty(size, size, device=device)
        self.left = self._product
        self.right = self._product

    def round(self) -> Steps[float]:
        """Multiply the factors of the next round, the last again after `ROUNDS`; floating-point operations per s."""
        fresh = len(self._trees) < ROUNDS
        if fresh:
            number = len(self._trees)
            self.left = self._factor(number, "A", range(self._size))
            yield
            self.right = self._factor(number, "B", range(self._size))
            yield
        once_s = self._stopwatch.time(self._multiply)
        times = max(1, round(_BLOCK_S / max(once_s, 1e-9)))
        seconds = self._stopwatch.time(lambda: [self._multiply() for _ in range(times)])
        yield
        if fresh:
            self._trees.append(Tree([leaf(row) for row in _rows(self._product)]))
        return flops(self._size) * times / seconds

    def commitment(self) -> Commitment:
        """The roots so far."""
        return Commitment(self._size, tuple(tree.root for tree in self._trees))

    def openings(self) -> Steps[list[Opening]]:
        """The rows that seed and roots ask for, in order. Raises WorkerError if a product comes out otherwise now."""
        wanted: defaultdict[int, list[int]] = defaultdict(list)
        for number, row in challenge(self._seed, self._size, self.commitment().roots):
            wanted[number].append(row)
        opened = []
        for number, rows in wanted.items():
            left, right = self._factor(number, "A", rows), self._factor(number, "B", range(self._size))
            yield
            tree = self._trees[number]
            for row, values in zip(rows, _rows(left @ right), strict=True):
                if not tree.holds(row, leaf(values)):
                    raise WorkerError(
                        "The device computes the same product differently twice.",
                        now="Check its driver, its power and its heat.",
                    )
                opened.append(Opening(number, row, values, tree.path(row)))
            yield
        return opened

    def _multiply(self) -> Tensor:
        return torch.mm(self.left, self.right, out=self._product)

    def _factor(self, number: int, matrix: Literal["A", "B"], rows: list[int] | range) -> Tensor:
        data = bytearray().join(factor_row(self._seed, number, matrix, row, self._size) for row in rows)
        lifted = torch.frombuffer(data, dtype=torch.uint8).view(len(rows), self._size).to(self._device)
        return (lifted >> SHIFT).float() - LIFT


def _rows(product: Tensor) -> list[bytes]:
    """Each row as int32, little-endian."""
    numbers = product.to(torch.int32).cpu().numpy().astype("<i4", copy=False)
    return [row.tobytes() for row in numbers]
