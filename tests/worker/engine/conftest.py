from __future__ import annotations

import pytest
import torch

from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.torch_engine import Pace, TorchEngine
from desktop.worker.models.store import ModelStore
from tests.fakes.bundled_models import CHAT


@pytest.fixture(scope="session")
def engine(store: ModelStore) -> TorchEngine:
    """The bundled chat model; every test leaves it idle."""
    folder = store.folder_of(CHAT)
    return TorchEngine.load(
        folder,
        Architecture.read(folder / "config.json", "LlamaForCausalLM"),
        context_tokens=2048,
        device=torch.device("cpu"),
        dtype=torch.float32,
        pace=Pace(),
    )
