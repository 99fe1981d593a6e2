from __future__ import annotations

import pytest
import torch

from desktop.worker.models.store import ModelStore
from tests.fakes.bundled_models import bundled_store


@pytest.fixture(scope="session")
def store() -> ModelStore:
    return bundled_store()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
