"""What the running node tells of its shelf, and what it keeps from being deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import SettingsError
from desktop.machine.paths import Paths
from desktop.machine.settings_file import save_settings
from desktop.supplies import HomeStore, acquisition, candidates
from tests.fakes.content_server import ContentServer, content_server
from tests.fakes.hub import chat_repository, publish

SMALL = "smollm2-360m-instruct"


@pytest.fixture
def hub() -> Iterator[ContentServer]:
    with content_server() as server:
        files = chat_repository()
        files["config.json"] = json.dumps({"architectures": ["LlamaForCausalLM"]}).encode()
        publish(server, "HuggingFaceTB/SmolLM2-360M-Instruct", files)
        yield server


def test_what_the_owner_chose_for_the_next_start_is_told_and_kept(hub: ContentServer, tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.create()
    home = Composition(paths, Settings(model_source=hub.url), use_keyring=False)
    bundled = [entry.id for entry in home.equipment.bundled().entries]
    acquisition(home).acquisition.fetch(candidates().entry(SMALL), "float32", lambda _: None)

    told = HomeStore(home).shelf()
    assert [(model.id, model.bundled, model.running) for model in told.ready] == [
        *((each, True, True) for each in bundled),
        (SMALL, False, False),
    ]
    assert told.chosen == ()

    # The file changes under the running node, as the window changes it.
    save_settings(paths.config, Settings(models=(*bundled, SMALL)))
    told = HomeStore(home).shelf()
    assert told.chosen == (*bundled, SMALL)
    assert [model.id for model in told.ready if model.running] == bundled
    assert [model.id for model in told.models if model.offered] == [SMALL]
    with pytest.raises(SettingsError, match="is on offer"):
        HomeStore(home).discard(SMALL)

    save_settings(paths.config, Settings())
    HomeStore(home).discard(SMALL)
    assert SMALL not in {model.id for model in HomeStore(home).shelf().ready}
