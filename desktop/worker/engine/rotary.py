"""Rotary position embedding: tables of cosines and sines, one row per position."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from desktop.worker.engine.architecture import Architecture, RopeScaling


class Rotary:
    """Turns each head's first and second half against each other by an angle that grows with the position.

    Angles are computed in fp32, as transformers does, and kept in the dtype of the activations.
    """

    def __init__(self, architecture: Architecture, positions: int, device: torch.device, dtype: torch.dtype) -> None:
        self._half = architecture.head // 2
        exponents = torch.arange(0, architecture.head, 2, dtype=torch.float32) / architecture.head
        frequencies = _scale(1.0 / architecture.rope_theta**exponents, architecture.rope_scaling)
        angles = torch.arange(positions, dtype=torch.float32)[:, None] * frequencies
        # [positions, 1, head]: the middle axis spreads over the heads.
        self._cosines = torch.cat([angles.cos(), angles.cos()], -1)[:, None].to(device, dtype)
        self._sines = torch.cat([-angles.sin(), angles.sin()], -1)[:, None].to(device, dtype)

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines for `positions` [rows], each [rows, 1, head]."""
        return self._cosines[positions], self._sines[positions]

    def turn(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """Heads [rows, heads, head], turned by its rows' angles."""
        return torch.addcmul(x * cosines, x.roll(self._half, -1), sines)


def _scale(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Llama 3.1's rule: keep short waves, divide long ones by `factor`, blend between."""
    if scaling.rope_type == "default":
        return frequencies
    turns = scaling.original_max_position_embeddings * frequencies / (2 * math.pi)
    blend = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    kept = blend.clamp(0.0, 1.0)
    return frequencies * kept + frequencies / scaling.factor * (1 - kept)
