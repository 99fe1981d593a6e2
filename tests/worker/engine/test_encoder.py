from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from transformers import BertModel

from desktop.domain.errors import ModelCorrupt
from desktop.worker.engine.encoder import Encoder
from desktop.worker.models.store import ModelStore
from desktop.worker.text.tokenizer import Tokenizer
from tests.fakes.bundled_models import EMBEDDING

TEXTS = (
    "A cat sits on the mat.",
    "Feline resting on a rug",
    "Quarterly revenue rose by twelve percent, driven by exports and a weaker currency.",
    "x",
)


@pytest.fixture(scope="module")
def folder(store: ModelStore) -> Path:
    return store.folder_of(EMBEDDING)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(folder, torch.device("cpu"), torch.float32)


@torch.inference_mode()
def test_vectors_are_those_of_transformers_with_mean_pooling(encoder: Encoder, folder: Path) -> None:
    tokens = Tokenizer(folder).encode_batch(TEXTS)
    vectors = encoder.embed(tokens)
    reference = BertModel.from_pretrained(folder)
    for vector, ids in zip(vectors, tokens, strict=True):
        states = cast("torch.Tensor", reference(torch.tensor([ids])).last_hidden_state)
        expected = torch.nn.functional.normalize(states[0].mean(0), dim=0)
        torch.testing.assert_close(vector, expected, rtol=0, atol=1e-5)
        assert float(vector.norm()) == pytest.approx(1.0, abs=1e-5)


def test_like_is_near_and_unlike_is_far(encoder: Encoder, folder: Path) -> None:
    cat, feline, revenue, _ = encoder.embed(Tokenizer(folder).encode_batch(TEXTS))
    assert float(cat @ feline) > 0.5
    assert float(cat @ revenue) < 0.2


def test_a_corrupt_config_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["RobertaModel"]}')
    with pytest.raises(ModelCorrupt, match=r"config\.json"):
        Encoder(tmp_path, torch.device("cpu"), torch.float32)
