"""`hearth models` against a hub on loopback."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.commands import models
from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import DownloadFailed, ModelNotFound, SettingsError, Unavailable
from desktop.machine.paths import Paths
from desktop.machine.settings_file import load_settings
from tests.fakes.content_server import ContentServer, content_server
from tests.fakes.hub import COMMIT, chat_repository, publish

SMALL = "smollm2-360m-instruct"


@pytest.fixture
def hub() -> Iterator[ContentServer]:
    with content_server() as server:
        files = chat_repository()
        files["config.json"] = json.dumps({"architectures": ["LlamaForCausalLM"]}).encode()
        publish(server, "HuggingFaceTB/SmolLM2-360M-Instruct", files)
        yield server


def at(folder: Path, source: str) -> Composition:
    paths = Paths.below(folder)
    paths.create()
    loaded = load_settings(paths.config, lambda: 0).settings
    return Composition(paths, Settings(model_source=source, models=loaded.models), use_keyring=False)


def run(home: Composition, *words: str) -> Any:  # noqa: ANN401 - whatever JSON the command prints
    parser = argparse.ArgumentParser()
    models.configure(parser)
    out = io.StringIO()
    assert models.run(parser.parse_args(words), home, Console(as_json=True, out=out, err=io.StringIO())) == 0
    return json.loads(out.getvalue())


def states(home: Composition) -> dict[str, tuple[str, bool]]:
    return {each["model"]: (each["state"], each["offered"]) for each in run(home)}


def test_a_model_is_fetched_offered_taken_off_and_removed(hub: ContentServer, tmp_path: Path) -> None:
    assert states(at(tmp_path, hub.url))[SMALL] == ("not fetched", False)

    before = run(at(tmp_path, hub.url), "show", SMALL)
    assert before["about"]["float32"]["weights_bytes"] == 2 * before["about"]["bfloat16"]["weights_bytes"]
    assert before["context_tokens"] > 0
    assert (before["revision"], before["files"]) == (None, [])

    fetched = run(at(tmp_path, hub.url), "get", SMALL, "--make-room")
    shown = run(at(tmp_path, hub.url), "show", SMALL)
    assert shown["revision"] == COMMIT
    pinned = at(tmp_path, hub.url).equipment.catalogue().entry(SMALL).files
    assert {file.sha256 for file in pinned} <= {file["sha256"] for file in shown["files"]}
    assert states(at(tmp_path, hub.url))[SMALL] == ("fetched", False)
    assert at(tmp_path, hub.url).equipment.catalogue().entry(SMALL).digest == fetched["digest"]
    assert run(at(tmp_path, hub.url), "get", SMALL) == {"model": SMALL, "state": "fetched"}

    run(at(tmp_path, hub.url), "offer", SMALL)
    home = at(tmp_path, hub.url)
    assert [offer.model.id for offer in home.offers()] == [SMALL]
    with pytest.raises(SettingsError, match="is on offer"):
        run(home, "remove", SMALL)

    run(home, "offer")
    run(at(tmp_path, hub.url), "remove", SMALL)
    assert states(at(tmp_path, hub.url))[SMALL] == ("not fetched", False)
    assert not list((tmp_path / "cache" / "models").glob("smollm2-360m*"))


def test_what_does_not_fit_is_refused_with_both_numbers_before_a_byte(hub: ContentServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"needs about [\d.]+ GiB of memory, and there are [\d.]+ GiB"):
        run(at(tmp_path, hub.url), "get", "qwen3-32b")

    assert hub.ranges == []


def test_unknown_names_and_a_hub_without_the_model_are_told(hub: ContentServer, tmp_path: Path) -> None:
    home = at(tmp_path, hub.url)
    with pytest.raises(ModelNotFound):
        run(home, "get", "gpt-9")
    with pytest.raises(ModelNotFound):
        run(home, "offer", "gpt-9")
    with pytest.raises(SettingsError, match="No model"):
        run(home, "remove", SMALL)
    with pytest.raises(DownloadFailed, match="knows no such model"):
        run(home, "get", "qwen2.5-0.5b-instruct")
