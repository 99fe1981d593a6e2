from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from desktop.domain.errors import ModelCorrupt
from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.weights import load_weights
from tests.worker.engine.test_families import build


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build("qwen 2").save_pretrained(tmp_path)
    return tmp_path


def load(folder: Path) -> None:
    architecture = Architecture.read(folder / "config.json", "Qwen2ForCausalLM")
    load_weights(folder, architecture, torch.device("cpu"), torch.float32)


def rewrite(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_a_whole_model_loads(folder: Path) -> None:
    load(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x10\0\0\0\0\0\0\0{}", b"\x80\x04\x95pickle"])
def test_a_file_that_is_no_safetensors_is_refused_by_name(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelCorrupt, match=r"model\.safetensors"):
        load(folder)


def test_a_truncated_file_is_refused_by_name(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelCorrupt, match=r"model\.safetensors"):
        load(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelCorrupt, match=r"model\.safetensors"):
        load(folder)


def test_a_missing_tensor_and_one_of_another_shape_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = "model.layers.1.mlp.down_proj.weight"
    save_file(tensors | {name: tensors[name].T.contiguous()}, path)
    with pytest.raises(ModelCorrupt, match=r"down_proj\.weight has another shape"):
        load(folder)
    del tensors[name]
    save_file(tensors, path)
    with pytest.raises(ModelCorrupt, match=r"lacks model\.layers\.1\.mlp\.down_proj"):
        load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"architectures": ["LlamaForCausalLM"]},
        {"architectures": []},
        {"hidden_act": "gelu"},
        {"use_sliding_window": True},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}},
        {"num_hidden_layers": 0},
        {"num_hidden_layers": 10**9},
        {"num_key_value_heads": 5},
        {"head_dim": 7},
        {"vocab_size": -1},
        {"rms_norm_eps": "small"},
    ],
)
def test_a_config_outside_what_is_known_is_refused_by_name(folder: Path, changes: dict[str, object]) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ModelCorrupt, match=r"config\.json"):
        load(folder)
