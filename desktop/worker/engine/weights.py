"""A decoder's weights, read from safetensors and joined into as few matrices as the computation allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from desktop.domain.errors import ModelCorrupt
from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.linear import AS_THEY_COME, Linear, Widths, linear


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer block. `qkv` gives queries, keys, values side by side; `gate_up` gate, then up."""

    input_norm: Tensor
    qkv: Linear
    query_norm: Tensor | None
    key_norm: Tensor | None
    output: Linear
    inner_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything a decoder computes with. `embedding` [vocabulary, hidden]; `head` maps hidden to logits."""

    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Linear


class _Reader(Protocol):
    """What safetensors' own class does, with types."""

    def keys(self) -> list[str]: ...

    def get_tensor(self, name: str) -> Tensor: ...


class TensorFile:
    """The tensors of all `*.safetensors` files in a folder, each taken once with the shape it must have.

    ModelCorrupt, naming the file, for anything that is missing, or of another shape.
    """

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype = dtype
        self._home: dict[str, Path] = {}
        self._files: dict[Path, _Reader] = {}
        for path in sorted(folder.glob("*.safetensors")):
            try:
                file = cast("_Reader", safe_open(path, framework="pt"))
            except (SafetensorError, OSError) as error:
                raise ModelCorrupt(f"The file {path.name} is not usable.", why="It is no safetensors file.") from error
            self._files[path] = file
            self._home.update(dict.fromkeys(file.keys(), path))
        if not self._files:
            raise ModelCorrupt("The file model.safetensors is missing.")

    def take(self, name: str, *shape: int) -> Tensor:
        """The tensor of that name and shape, on the device and in the dtype of computation."""
        path = self._home.get(name)
        if path is None:
            raise ModelCorrupt(f"The file {next(iter(self._files)).name} is not usable.", why=f"It lacks {name}.")
        tensor = self._files[path].get_tensor(name)
        if tuple(tensor.shape) != shape:
            raise ModelCorrupt(f"The file {path.name} is not usable.", why=f"{name} has another shape than declared.")
        return tensor.to(self._device, self._dtype)


def load_weights(
    folder: Path,
    architecture: Architecture,
    device: torch.device,
    dtype: torch.dtype,
    *,
    widths: Widths = AS_THEY_COME,
) -> Weights:
    """Read the decoder in `folder`; ModelCorrupt where the files do not hold what `architecture` needs."""
    file = TensorFile(folder, device, dtype)
    hidden, vocabulary = architecture.hidden, architecture.vocabulary
    embedding = file.take("model.embed_tokens.weight", vocabulary, hidden)
    head = embedding if architecture.tied else file.take("lm_head.weight", vocabulary, hidden)
    return Weights(
        embedding=embedding,
        layers=tuple(
            _layer(file, f"model.layers.{index}", architecture, widths) for index in range(architecture.layers)
        ),
        norm=file.take("model.norm.weight", hidden),
        head=linear(head, widths=widths),
    )


def _layer(file: TensorFile, name: str, a: Architecture, widths: Widths) -> Layer:
    queries, keys = a.heads * a.head, a.kv_heads * a.head
    attention = f"{name}.self_attn"
    qkv = {"q": queries, "k": keys, "v": keys}
    return Layer(
        input_norm=file.take(f"{name}.input_layernorm.weight", a.hidden),
        qkv=linear(
            torch.cat([file.take(f"{attention}.{part}_proj.weight", rows, a.hidden) for part, rows in qkv.items()]),
            torch.cat([file.take(f"{attention}.{part}_proj.bias", rows) for part, rows in qkv.items()])
            if a.qkv_bias
            else None,
            widths=widths,
        ),
        query_norm=file.take(f"{attention}.q_norm.weight", a.head) if a.head_norm else None,
        key_norm=file.take(f"{attention}.k_norm.weight", a.head) if a.head_norm else None,
        output=linear(
            file.take(f"{attention}.o_proj.weight", a.hidden, queries),
            file.take(f"{attention}.o_proj.bias", a.hidden) if a.output_bias else None,
            widths=widths,
        ),
        inner_norm=file.take(f"{name}.post_attention_layernorm.weight", a.hidden),
        gate_up=linear(
            torch.cat([file.take(f"{name}.mlp.{part}_proj.weight", a.inner, a.hidden) for part in ("gate", "up")]),
            widths=widths,
        ),
        down=linear(file.take(f"{name}.mlp.down_proj.weight", a.hidden, a.inner), widths=widths),
    )
