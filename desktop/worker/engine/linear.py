"""Matrix products with fixed weights, stored the way the device reads them fastest."""

from __future__ import annotations

from typing import Protocol

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


class PackedLinear:
    """fp32 weights reordered once into oneDNN's blocked layout.

    On a CPU a product of a few rows is bound by how the weights are read. Plain BLAS slows down with every row (2.5
    times the time of one row at 8 rows), blocked weights by a third, so that is what batching gains. The operator
    is the one torch's own compiler emits for frozen weights.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _TYPICAL_ROWS)  # noqa: SLF001 - torch has no public name for it
        self._bias = bias
        self._multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001 - same

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""
        product: Tensor = self._multiply(x, self._weight, self._bias, "none", [], "")
        return product


_TYPICAL_ROWS = 8


def linear(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """The fastest form for where `weight` [out, in] lives."""
    # Builds of torch without oneDNN lack the operator.
    packable = hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and packable:
        return PackedLinear(weight, bias)
    return DenseLinear(weight, bias)
