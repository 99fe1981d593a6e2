from __future__ import annotations

import pytest

from desktop.worker.models.store import ModelStore
from desktop.worker.text.tokenizer import Tokenizer
from tests.fakes.bundled_models import CHAT


@pytest.fixture(scope="session")
def tokenizer(store: ModelStore) -> Tokenizer:
    return Tokenizer(store.folder_of(CHAT))
