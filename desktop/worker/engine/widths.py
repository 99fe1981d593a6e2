"""Finds out as how many rows this computer multiplies few rows fastest.

Two rows took 43 ms where four took 28 with AVX-512, and 37 where four took 43 with AVX2 (one thread, the weights of the
bundled model); one row in the plain order gains nothing from a second thread. So it is measured and not assumed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import torch

from desktop.worker.engine.linear import AS_THEY_COME, PackedLinear, Widths, is_packable

_INPUTS: Final = 1024
_OUTPUTS: Final = 2048
_MATRICES: Final = 12  # 96 MiB in each order: in a real pass no cache still holds a weight when its turn comes
_WIDEST: Final = 4
_ROUNDS: Final = 7
_WORTH_IT: Final = 0.95  # of the time it takes as it comes; what gains less is left, that answers change less often


def quickest_widths(device: torch.device, dtype: torch.dtype) -> Widths:
    """The widths for weights there, measured with the threads torch has now; takes a third of a second on a CPU."""
    if not is_packable(device, dtype):
        return AS_THEY_COME
    return chosen(_measured())


def chosen(took_s: Mapping[int, float]) -> Widths:
    """The quickest of each. `took_s`: a product's time by its width, 1 to 4 in blocks, 0 for one plain row."""

    def best(rows: int, usual: int) -> int:
        width = min(range(rows, _WIDEST + 1), key=lambda each: took_s[each])
        return width if took_s[width] < took_s[usual] * _WORTH_IT else usual

    return Widths(best(1, AS_THEY_COME.one), best(2, AS_THEY_COME.two), best(3, AS_THEY_COME.three))


def _measured() -> dict[int, float]:
    """The least time of all rounds: whatever else the computer does only adds to it."""
    weight = torch.full((_OUTPUTS, _INPUTS), 0.5)
    matrices = [PackedLinear(weight) for _ in range(_MATRICES)]
    took_s: dict[int, float] = {}
    for _ in range(_ROUNDS):
        for width in range(_WIDEST + 1):
            x = torch.full((max(width, 1), _INPUTS), 0.5)
            started_s = time.perf_counter()
            for matrix in matrices:
                matrix.multiply(x, in_blocks=width > 0)
            spent_s = time.perf_counter() - started_s
            took_s[width] = min(spent_s, took_s.get(width, spent_s))
    return took_s
