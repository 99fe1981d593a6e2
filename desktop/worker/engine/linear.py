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
    """Weights in fp32 kept twice, because a CPU reads them best in one order for some rows and in another for others.

    Products of few rows are bound by how weights are read. For 2 to 63 rows they are reordered once into oneDNN's
    blocks, by the operator torch's own compiler emits for frozen weights: 8 rows then take 1.3 times as long as one,
    where plain BLAS takes 2.5 times. For a single row blocks are slow, with two threads disastrously so (three times
    the time of a plain product); for it, and for the many rows of a prompt, plain weights [in, out] are the fastest.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._plain = weight.t().contiguous()
        self._blocks = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _TYPICAL_ROWS)  # noqa: SLF001 - torch has no public name for it
        self._bias = bias
        self._multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001 - same

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""
        if 1 < x.numel() // x.shape[-1] < _MANY_ROWS:
            product: Tensor = self._multiply(x, self._blocks, self._bias, "none", [], "")
            return product
        product = torch.matmul(x, self._plain)
        return product if self._bias is None else product.add_(self._bias)


_MANY_ROWS = 64
_TYPICAL_ROWS = 8


def linear(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """The fastest form for where `weight` [out, in] lives."""
    # Builds of torch without oneDNN lack the operator.
    packable = hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and packable:
        return PackedLinear(weight, bias)
    return DenseLinear(weight, bias)
