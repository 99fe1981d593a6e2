from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from desktop.domain.errors import ModelCorrupt, ModelNotFound
from desktop.worker.models.catalogue import Catalogue, PinnedFile
from desktop.worker.models.store import ModelStore
from tests.fakes.bundled_models import EMBEDDING, bundled_catalogue

CONTENTS = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"words"}


@pytest.fixture
def small(tmp_path: Path) -> ModelStore:
    """A store with one present model of three tiny files."""
    files = tuple(
        PinnedFile(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in CONTENTS.items()
    )
    entry = msgspec.structs.replace(bundled_catalogue().entry(EMBEDDING), files=files)
    small = ModelStore(tmp_path, Catalogue((entry,)))
    folder = small.folder_of(EMBEDDING)
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return small


def test_a_whole_model_is_present_and_verifies(small: ModelStore) -> None:
    assert small.present(EMBEDDING)
    small.verify(EMBEDDING)


@pytest.mark.parametrize("name", CONTENTS)
def test_one_changed_byte_is_refused_by_name(small: ModelStore, name: str) -> None:
    path = small.folder_of(EMBEDDING) / name
    path.write_bytes(b"X" + path.read_bytes()[1:])
    assert small.present(EMBEDDING)
    with pytest.raises(ModelCorrupt, match=name):
        small.verify(EMBEDDING)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_missing_file_is_noticed_and_named(small: ModelStore, name: str) -> None:
    (small.folder_of(EMBEDDING) / name).unlink()
    assert not small.present(EMBEDDING)
    with pytest.raises(ModelCorrupt, match=name):
        small.verify(EMBEDDING)


def test_a_file_of_another_size_is_not_present(small: ModelStore) -> None:
    (small.folder_of(EMBEDDING) / "config.json").write_bytes(b"{} ")
    assert not small.present(EMBEDDING)


def test_a_file_nobody_listed_is_refused_by_name(small: ModelStore) -> None:
    (small.folder_of(EMBEDDING) / "modeling_evil.py").write_text("")
    with pytest.raises(ModelCorrupt, match=r"modeling_evil\.py"):
        small.verify(EMBEDDING)


def test_folders_of_two_versions_of_a_model_differ(small: ModelStore, store: ModelStore) -> None:
    assert small.folder_of(EMBEDDING).name != store.folder_of(EMBEDDING).name


def test_an_unknown_model_has_no_folder(small: ModelStore) -> None:
    with pytest.raises(ModelNotFound):
        small.folder_of("../../etc")
