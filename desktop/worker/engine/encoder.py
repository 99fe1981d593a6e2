"""A BERT encoder for sentence embeddings: mean of the last states, made unit length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from desktop.domain.errors import ModelCorrupt
from desktop.worker.engine.linear import Linear, linear
from desktop.worker.engine.weights import TensorFile

_Positive = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]


class _Config(msgspec.Struct, frozen=True):
    architectures: Annotated[tuple[Literal["BertModel"], ...], msgspec.Meta(min_length=1, max_length=1)]
    vocab_size: _Positive
    hidden_size: _Positive
    intermediate_size: _Positive
    num_hidden_layers: _Positive
    num_attention_heads: _Positive
    max_position_embeddings: _Positive
    type_vocab_size: _Positive
    layer_norm_eps: Annotated[float, msgspec.Meta(gt=0)]
    hidden_act: Literal["gelu"] = "gelu"
    position_embedding_type: Literal["absolute"] = "absolute"


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: Linear
    output: Linear
    attention_norm: _Norm
    inner: Linear
    outer: Linear
    inner_norm: _Norm


class Encoder:
    """BERT with mean pooling, as sentence-transformers runs all-MiniLM-L6-v2.

    Texts in one call are padded to the longest of them, so callers do well to group similar lengths.
    """

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        try:
            config = msgspec.json.decode((folder / "config.json").read_bytes(), type=_Config)
        except (OSError, msgspec.DecodeError) as error:
            raise ModelCorrupt("The file config.json is not usable.", why=f"{error}.") from error
        file = TensorFile(folder, device, dtype)
        hidden = config.hidden_size
        self.vocabulary = config.vocab_size
        self.positions = config.max_position_embeddings
        self._device = device
        self._heads = config.num_attention_heads
        self._words = file.take("embeddings.word_embeddings.weight", config.vocab_size, hidden)
        # Every token here is of the first segment, so that its embedding belongs to the position's.
        segments = file.take("embeddings.token_type_embeddings.weight", config.type_vocab_size, hidden)
        self._places = (
            file.take("embeddings.position_embeddings.weight", config.max_position_embeddings, hidden) + segments[0]
        )
        self._norm = _norm(file, "embeddings.LayerNorm", config)
        self._layers = [_layer(file, f"encoder.layer.{index}", config) for index in range(config.num_hidden_layers)]

    @torch.inference_mode()
    def embed(self, batch: Sequence[Sequence[int]]) -> Tensor:
        """Unit vectors [texts, hidden] for token lists, none of them empty or longer than `positions`."""
        longest = max(len(tokens) for tokens in batch)
        padded = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in batch], device=self._device)
        lengths = torch.tensor([len(tokens) for tokens in batch], device=self._device)
        real = torch.arange(longest, device=self._device) < lengths[:, None]
        mask = real[:, None, None] if not bool(real.all()) else None
        x = self._norm(functional.embedding(padded, self._words) + self._places[:longest])
        for layer in self._layers:
            qkv = layer.qkv(x).view(*x.shape[:2], 3, self._heads, -1).permute(2, 0, 3, 1, 4)
            attended = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask=mask)
            x = layer.attention_norm(x + layer.output(attended.transpose(1, 2).flatten(2)))
            x = layer.inner_norm(x + layer.outer(functional.gelu(layer.inner(x))))
        pooled = (x * real[..., None]).sum(1) / lengths[:, None]
        return functional.normalize(pooled.float(), dim=-1)


def _norm(file: TensorFile, name: str, config: _Config) -> _Norm:
    hidden = config.hidden_size
    return _Norm(file.take(f"{name}.weight", hidden), file.take(f"{name}.bias", hidden), config.layer_norm_eps)


def _layer(file: TensorFile, name: str, config: _Config) -> _Layer:
    hidden, inner = config.hidden_size, config.intermediate_size
    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    return _Layer(
        qkv=linear(
            torch.cat([file.take(f"{part}.weight", hidden, hidden) for part in parts]),
            torch.cat([file.take(f"{part}.bias", hidden) for part in parts]),
        ),
        output=_linear(file, f"{name}.attention.output.dense", hidden, hidden),
        attention_norm=_norm(file, f"{name}.attention.output.LayerNorm", config),
        inner=_linear(file, f"{name}.intermediate.dense", inner, hidden),
        outer=_linear(file, f"{name}.output.dense", hidden, inner),
        inner_norm=_norm(file, f"{name}.output.LayerNorm", config),
    )


def _linear(file: TensorFile, name: str, outputs: int, inputs: int) -> Linear:
    return linear(file.take(f"{name}.weight", outputs, inputs), file.take(f"{name}.bias", outputs))
