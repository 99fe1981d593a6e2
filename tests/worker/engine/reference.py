"""transformers, as far as it is the yardstick, with the types it does not declare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from desktop.worker.models.source import locate_source
from tests.fakes.bundled_models import CHAT, bundled_catalogue


class Output(Protocol):
    """What a forward pass gives: logits [1, length, vocabulary], states of every layer [1, length, hidden]."""

    logits: Tensor
    hidden_states: Sequence[Tensor]


class ReferenceModel(Protocol):
    """A causal model of transformers."""

    def __call__(self, ids: Tensor, *, output_hidden_states: bool) -> Output: ...

    def generate(
        self,
        ids: Tensor,
        *,
        attention_mask: Tensor,
        max_new_tokens: int,
        do_sample: bool,
        pad_token_id: int,
        **more: int,
    ) -> Tensor: ...

    def parameters(self) -> Iterable[Tensor]: ...

    def save_pretrained(self, folder: Path) -> None: ...

    def eval(self) -> object: ...


class ReferenceTokenizer(Protocol):
    """A tokenizer of transformers."""

    eos_token_id: int

    def encode(self, text: str) -> list[int]: ...

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, add_generation_prompt: bool, return_dict: bool
    ) -> list[int]: ...


def reference_tokenizer() -> ReferenceTokenizer:
    """The bundled chat model's, read from the original file: it shares no code with our conversion."""
    path = _original()
    return cast("ReferenceTokenizer", AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name))


def reference_model() -> ReferenceModel:
    """The bundled chat model in fp32, read from the original file."""
    path = _original()
    loaded = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return cast("ReferenceModel", loaded)


def greedy(model: ReferenceModel, prompt: list[int], count: int, end: int) -> list[int]:
    """The continuation `generate` gives."""
    ids = torch.tensor([prompt])
    answer = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=end
    )
    return [int(token) for token in answer[0, len(prompt) :]]


def _original() -> Path:
    entry = bundled_catalogue().entry(CHAT)
    return locate_source(entry) / entry.source.files[0].path
