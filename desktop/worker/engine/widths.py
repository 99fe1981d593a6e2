"""Finds out as how many rows this computer multiplies few rows fastest.

Two rows took 43 ms where four took 28 with AVX-512, and 37 where four took 43 with AVX2 (one thread, the weights of the
bundled model). So it is measured and not assumed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import torch

from desktop.worker.engine.linear import AS_THEY_COME, PackedLinear, Widths, is_packable

_INPUTS: Final = 1024
_OUTPUTS: Final = 2048
_MATRICES: Final = 12  # 96 MiB: in a real pass no cache still holds a weight when its turn comes
_WIDEST: Final = 4
_ROUNDS: Final = 7
_WORTH_IT: Final = 0.95  # of the time it takes as it comes; what gains less is left, that answers change less often


def quickest_widths(device: torch.device, dtype: torch.dtype) -> Widths:
    """The widths for weights there, measured with the threads torch has now; takes a quarter of a second on a CPU."""
    if not is_packable(device, dtype):
        return AS_THEY_COME
    return chosen(_measured())


def chosen(took_s: Mapping[int, float]) -> Widths:
    """The quickest of each. `took_s`: a product's time by its width, 1 to 4."""

    def best(rows: int) -> int:
        width = min(range(rows, _WIDEST + 1), key=lambda each: took_s[each])
        return width if took_s[width] < took_s[rows] * _WORTH_IT else rows

    return Widths(best(1), best(2), best(3))


def _measured() -> dict[int, float]:
    """The least time of all rounds: whatever else the computer does only adds to it."""
    weight = torch.full((_OUTPUTS, _INPUTS), 0.5)
    matrices = [PackedLinear(weight) for _ in range(_MATRICES)]
    took_s: dict[int, float] = {}
    for _ in range(_ROUNDS):
        for width in range(1, _WIDEST + 1):
            x = torch.full((width, _INPUTS), 0.5)
            started_s = time.perf_counter()
            for matrix in matrices:
                matrix(x)
            spent_s = time.perf_counter() - started_s
            took_s[width] = min(spent_s, took_s.get(width, spent_s))
    return took_s
