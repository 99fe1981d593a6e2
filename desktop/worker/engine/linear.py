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
    """As how many rows one, two and three are multiplied in blocks, the rest being zeros; 0: as a plain product."""

    one: int = 0
    two: int = 2
    three: int = 3

    def of(self, rows: int) -> int:
        """How many for so many."""
        return (rows, self.one, self.two, self.three)[rows] if rows <= _FEW_ROWS else rows


AS_THEY_COME: Final = Widths()


class PackedLinear:
    """Weights in fp32 kept twice, because a CPU reads them best in one order for some rows and in another for others.

    Products of few rows are bound by how weights are read. For up to 63 rows they are reordered once into oneDNN's
    blocks, by the operator torch's own compiler emits for frozen weights: 8 rows then take 1.3 times as long as one,
    where plain BLAS takes 2.5 times. For the many rows of a prompt plain weights [in, out] are the fastest. Fewer
    than four rows are the exception in which processors differ, so `widths` are to be measured where it matters.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, widths: Widths = AS_THEY_COME) -> None:
        self._plain = weight.t().contiguous()
        self._blocks = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _TYPICAL_ROWS)  # noqa: SLF001 - torch has no public name for it
        self._bias = bias
        self._widths = widths
        self._multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001 - same

    def __call__(self, x: Tensor) -> Tensor:
        """Rows [rows, in] → [rows, out]."""
        rows = x.numel() // x.shape[-1]
        width = self._widths.of(rows) if rows < _MANY_ROWS else 0
        if width <= rows:
            return self.multiply(x, in_blocks=width > 0)
        return self.multiply(functional.pad(x.view(rows, -1), (0, 0, 0, width - rows)), in_blocks=True)[:rows]

    def multiply(self, x: Tensor, *, in_blocks: bool) -> Tensor:
        """The product of exactly these rows, with the one or the other order of the weights."""
        if in_blocks:
            blocked: Tensor = self._multiply(x, self._blocks, self._bias, "none", [], "")
            return blocked
        product = torch.matmul(x, self._plain)
        return product if self._bias is None else product.add_(self._bias)


_MANY_ROWS: Final = 64
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
