"""Matrix products with fixed weights, stored the way the device reads them fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Linear(Protocol):
    """A product with weights [out, in]."""

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""


class DenseLinear:
    """Weights [out, in] as they come; right for accelerators."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = weight.contiguous()
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""
        return functional.linear(x, self._weight, self._bias)


@dataclass(frozen=True, slots=True)
class Widths:
    """As how many rows one, two and three are multiplied; the rest is zeros."""

    one: int = 1
    two: int = 2
    three: int = 3

    def of(self, rows: int) -> int:
        """How many for so many."""
        return (rows, self.one, self.two, self.three)[rows] if rows <= _FEW_ROWS else rows


AS_THEY_COME: Final = Widths()


class PackedLinear:
    """Weights in fp32, reordered once into oneDNN's blocks, by the operator torch's own compiler emits for them.

    A product is bound by how weights are read: in blocks 8 rows take 1.3 times as long as one, where plain BLAS takes
    2.5 times, and the 512 of a prompt eight to nine tenths of its time. Which of one to four rows is quickest is what
    processors differ in, by up to a half, so `widths` are to be measured where it matters. Plain weights would be
    better (by a quarter) for single rows only, with one thread and without AVX-512; it is not worth a second copy.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, widths: Widths = AS_THEY_COME) -> None:
        self._blocks = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _TYPICAL_ROWS)  # noqa: SLF001 - torch has no public name for it
        self._bias = bias
        self._widths = widths
        self._multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001 - same

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""
        rows = x.numel() // x.shape[-1]
        width = self._widths.of(rows)
        if width > rows:
            x = functional.pad(x.reshape(rows, -1), (0, 0, 0, width - rows))
        product: Tensor = self._multiply(x, self._blocks, self._bias, "none", [], "")
        return product[:rows] if width > rows else product


_FEW_ROWS: Final = 3
_TYPICAL_ROWS: Final = 8


def is_packable(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether weights there are best kept as `PackedLinear` does."""
    # Builds of torch without oneDNN lack the operator.
    return device.type == "cpu" and dtype == torch.float32 and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")


def linear(weight: Tensor, bias: Tensor | None = None, *, widths: Widths = AS_THEY_COME) -> Linear:
    """The fastest form for where `weight` [out, in] lives."""
    if is_packable(weight.device, weight.dtype):
        return PackedLinear(weight, bias, widths=widths)
    return DenseLinear(weight, bias)
