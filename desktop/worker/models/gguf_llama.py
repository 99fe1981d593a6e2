"""A GGUF file of the Llama architecture, read into plain arrays and the names transformers uses for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, cast

import numpy as np
from gguf import GGUFReader, ReaderField, dequantize
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from desktop.domain.errors import ModelCorrupt

_CONTROL_TOKEN: Final = 3  # llama.cpp: LLAMA_TOKEN_TYPE_CONTROL
_NAMES: Final = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class GgufLlama:
    """Config, tokenizer and weights of the file at `path`; ModelCorrupt where it is not what it should be.

    Read only inside a sandbox: the format is complex and its reader trusts the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            reader = GGUFReader(path)
        except (ValueError, IndexError, KeyError, OverflowError) as error:
            raise self._corrupt("it is no GGUF file") from error
        self._fields: dict[str, ReaderField] = dict(reader.fields)
        self._tensors = reader.tensors
        if self._text("general.architecture") != "llama":
            raise self._corrupt("it is not of the Llama architecture")

    def config(self) -> str:
        """config.json as transformers writes it, as far as inference needs it."""
        heads = self._whole("llama.attention.head_count")
        hidden = self._whole("llama.embedding_length")
        config = {
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": False,
            "bos_token_id": self._whole("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self._whole("tokenizer.ggml.eos_token_id"),
            "head_dim": hidden // heads,
            "hidden_act": "silu",
            "hidden_size": hidden,
            "intermediate_size": self._whole("llama.feed_forward_length"),
            "max_position_embeddings": self._whole("llama.context_length"),
            "mlp_bias": False,
            "model_type": "llama",
            "num_attention_heads": heads,
            "num_hidden_layers": self._whole("llama.block_count"),
            "num_key_value_heads": self._whole("llama.attention.head_count_kv"),
            "rms_norm_eps": self._real("llama.attention.layer_norm_rms_epsilon"),
            "rope_theta": self._real("llama.rope.freq_base"),
            "tie_word_embeddings": not any(tensor.name == "output.weight" for tensor in self._tensors),
            "vocab_size": self._whole("llama.vocab_size"),
        }
        return json.dumps(config, indent=2, sort_keys=True) + "\n"

    def tokenizer(self) -> str:
        """tokenizer.json: byte-level BPE; digits are split one by one first, as the smollm pre-tokenizer asks."""
        if self._text("tokenizer.ggml.model") != "gpt2" or self._text("tokenizer.ggml.pre") != "smollm":
            raise self._corrupt("its tokenizer is of a kind that is not known here")
        tokens = self._texts("tokenizer.ggml.tokens")
        merges = [cast("tuple[str, str]", tuple(merge.split(" ", 1))) for merge in self._texts("tokenizer.ggml.merges")]
        kinds = cast("list[int]", self._field("tokenizer.ggml.token_type").contents())
        tokenizer = Tokenizer(BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        controls = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL_TOKEN]
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in controls])
        return tokenizer.to_str(pretty=False)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Every tensor in fp32 under its transformers name, with llama.cpp's order of q and k rows undone."""
        heads = {
            "attn_q": self._whole("llama.attention.head_count"),
            "attn_k": self._whole("llama.attention.head_count_kv"),
        }
        weights = {}
        for tensor in self._tensors:
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
            part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
            if part in heads:
                values = _unpermute(values, heads[part])
            weights[self._name(tensor.name)] = np.ascontiguousarray(values)
        return weights

    def _name(self, name: str) -> str:
        outside = {
            "token_embd.weight": "model.embed_tokens.weight",
            "output_norm.weight": "model.norm.weight",
            "output.weight": "lm_head.weight",
        }
        if name in outside:
            return outside[name]
        match name.split("."):
            case ["blk", layer, part, "weight"] if part in _NAMES and layer.isdecimal():
                return f"model.layers.{layer}.{_NAMES[part]}.weight"
        raise self._corrupt(f"it holds an unknown tensor {name[:64]!r}")

    def _field(self, key: str) -> ReaderField:
        if key not in self._fields:
            raise self._corrupt(f"it lacks the field {key}")
        return self._fields[key]

    def _text(self, key: str) -> str:
        return str(self._field(key).contents())

    def _texts(self, key: str) -> list[str]:
        return [str(text) for text in self._field(key).contents()]

    def _whole(self, key: str) -> int:
        return int(self._field(key).contents())

    def _real(self, key: str) -> float:
        # The file holds fp32; the shortest decimal that names the same fp32 is what its author wrote.
        return float(str(np.float32(self._field(key).contents())))

    def _corrupt(self, why: str) -> ModelCorrupt:
        return ModelCorrupt(f"The file {self._path.name} is not usable.", why=f"As it seems, {why}.")


def _unpermute(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of each head from llama.cpp's interleaved rotary pairs back to transformers' two halves."""
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
