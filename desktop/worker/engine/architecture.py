"""What a decoder's config.json says, read strictly: an unknown feature is refused, never ignored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from desktop.domain.errors import ModelCorrupt

_Positive = Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
_Rate = Annotated[float, msgspec.Meta(gt=0)]


class RopeScaling(msgspec.Struct, frozen=True):
    """Rotary frequencies stretched for long contexts; only Llama 3's rule is known besides none."""

    rope_type: Literal["default", "llama3"] = "default"
    rope_theta: _Rate | None = None
    factor: _Rate = 1.0
    low_freq_factor: _Rate = 1.0
    high_freq_factor: _Rate = 4.0
    original_max_position_embeddings: _Positive = 8192


class _Config(msgspec.Struct, frozen=True):
    """The keys of config.json that change the computation; others are ignored because they do not."""

    architectures: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=1)]
    vocab_size: _Positive
    hidden_size: _Positive
    intermediate_size: _Positive
    num_hidden_layers: Annotated[int, msgspec.Meta(ge=1, le=512)]
    num_attention_heads: _Positive
    max_position_embeddings: _Positive
    rms_norm_eps: _Rate
    num_key_value_heads: _Positive | None = None
    head_dim: _Positive | None = None
    rope_theta: _Rate | None = None
    rope_scaling: RopeScaling | None = None
    rope_parameters: RopeScaling | None = None
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: Literal[False] = False
    use_sliding_window: Literal[False] = False
    hidden_act: Literal["silu"] = "silu"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The shape of a decoder of the Llama family.

    `qkv_bias`, `output_bias` and `head_norm` are where Llama, Qwen2 (biases on q, k, v) and Qwen3 (a norm on every
    q and k head) differ.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    positions: int
    norm_epsilon: float
    rope_theta: float
    rope_scaling: RopeScaling
    tied: bool
    qkv_bias: bool
    output_bias: bool
    head_norm: bool

    @classmethod
    def read(cls, path: Path, expected: str) -> Architecture:
        """Parse config.json at `path`, which must declare the `expected` architecture; else ModelCorrupt."""
        try:
            config = msgspec.json.decode(path.read_bytes(), type=_Config)
            return cls._from_config(config, expected)
        except (OSError, ValueError) as error:
            raise ModelCorrupt(f"The file {path.name} is not usable.", why=f"{error}.") from error

    @classmethod
    def _from_config(cls, config: _Config, expected: str) -> Architecture:
        (name,) = config.architectures
        if name != expected:
            raise ValueError(f"It declares {name[:64]!r} where the catalogue says {expected!r}")
        kv_heads = config.num_key_value_heads or config.num_attention_heads
        head = config.head_dim or config.hidden_size // config.num_attention_heads
        if config.num_attention_heads % kv_heads or head % 2:
            raise ValueError("Its attention heads do not divide")
        scaling = config.rope_parameters or config.rope_scaling or RopeScaling()
        return cls(
            layers=config.num_hidden_layers,
            hidden=config.hidden_size,
            inner=config.intermediate_size,
            heads=config.num_attention_heads,
            kv_heads=kv_heads,
            head=head,
            vocabulary=config.vocab_size,
            positions=config.max_position_embeddings,
            norm_epsilon=config.rms_norm_eps,
            rope_theta=scaling.rope_theta or config.rope_theta or 10_000.0,
            rope_scaling=scaling,
            tied=config.tie_word_embeddings,
            qkv_bias=config.attention_bias or name == "Qwen2ForCausalLM",
            output_bias=config.attention_bias and name != "Qwen2ForCausalLM",
            head_norm=name == "Qwen3ForCausalLM",
        )
