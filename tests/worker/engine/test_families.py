"""Small random models of every architecture on the list, against transformers' own modelling."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.torch_engine import Pace, TorchEngine
from tests.worker.engine.drive import finish, request
from tests.worker.engine.reference import ReferenceModel

SIZES: Final[dict[str, object]] = {
    "vocab_size": 199,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
LLAMA3: Final = {
    "rope_type": "llama3",
    "rope_theta": 1000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def build(name: str) -> ReferenceModel:
    torch.manual_seed(7)
    match name:
        case "llama":
            model: object = LlamaForCausalLM(LlamaConfig.from_dict(SIZES | {"tie_word_embeddings": True}))
        case "llama untied, every head its own":
            own = {"num_key_value_heads": 6, "tie_word_embeddings": False, "attention_bias": True}
            model = LlamaForCausalLM(LlamaConfig.from_dict(SIZES | own))
        case "llama 3":
            model = LlamaForCausalLM(LlamaConfig.from_dict(SIZES | {"rope_parameters": LLAMA3}))
        case "qwen 2":
            model = Qwen2ForCausalLM(Qwen2Config.from_dict(SIZES | {"tie_word_embeddings": True}))
        case _:
            model = Qwen3ForCausalLM(Qwen3Config.from_dict(SIZES | {"head_dim": 16}))
    reference = cast("ReferenceModel", model)
    # Random weights of a real size: with the tiny ones of a fresh model every path gives about the same.
    for parameter in reference.parameters():
        torch.nn.init.normal_(parameter, mean=0.0, std=0.2)
    reference.eval()
    return reference


NAMES: Final = ["llama", "llama untied, every head its own", "llama 3", "qwen 2", "qwen 3"]
PACES: Final = [Pace(slots=3), Pace(slots=3, prompt_tokens_alone=7, prompt_tokens_beside=3)]


def load(model: ReferenceModel, folder: Path, pace: Pace) -> TorchEngine:
    model.save_pretrained(folder)
    return TorchEngine.load(
        folder,
        Architecture.read(folder / "config.json", type(model).__name__),
        context_tokens=512,
        device=torch.device("cpu"),
        dtype=torch.float32,
        pace=pace,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pace", PACES, ids=["whole prompts", "cut prompts"])
@torch.inference_mode()
def test_tokens_and_hidden_states_are_those_of_transformers(name: str, pace: Pace, tmp_path: Path) -> None:
    model = build(name)
    engine = load(model, tmp_path, pace)
    prompts = [torch.randint(1, 199, (length,)).tolist() for length in (1, 5, 23, 90, 300)]
    for index, prompt in enumerate(prompts):
        engine.submit(request(str(index), prompt, 12))
    tokens: dict[str, list[int]] = {}
    states: dict[str, list[torch.Tensor]] = {}
    while not engine.idle:
        for event in engine.step():
            tokens.setdefault(event.request_id, []).append(event.token)
            states.setdefault(event.request_id, []).append(event.hidden.clone())
    for index, prompt in enumerate(prompts):
        answer = tokens[str(index)]
        whole = torch.tensor([prompt + answer[:-1]])
        reference = model(whole, output_hidden_states=True)
        # Every token is the greedy one after those before it: by induction the answer is the greedy answer.
        assert answer == reference.logits[0, len(prompt) - 1 :].argmax(-1).tolist()
        torch.testing.assert_close(
            torch.stack(states[str(index)]), reference.hidden_states[-1][0, len(prompt) - 1 :], rtol=1e-3, atol=1e-3
        )


def test_a_slot_keeps_nothing_of_its_last_request(tmp_path: Path) -> None:
    engine = load(build("llama"), tmp_path, Pace(slots=1))
    short = request("short", [5, 6, 7])
    before = finish(engine, [short])
    finish(engine, [request("long", range(1, 150), 40)])
    assert finish(engine, [short]) == before
