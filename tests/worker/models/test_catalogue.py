from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from desktop.domain.errors import ModelNotFound, SettingsError
from desktop.domain.model import ModelKind
from desktop.worker.models.catalogue import Catalogue, CatalogueEntry
from tests.fakes.bundled_models import CHAT, EMBEDDING, bundled_catalogue

FILE = 'files = [{ name = "model.safetensors", bytes = 1, sha256 = "' + "0" * 64 + '" }]'
SOURCE = (
    '[models.source]\npackage = "p"\nversion = "1"\nupstream = "u"\nconversion = "copy"\n'
    'files = [{ path = "p/model.safetensors", bytes = 1, sha256 = "' + "0" * 64 + '" }]'
)
ENTRY = {
    "id": '"tiny"',
    "name": '"Tiny"',
    "kind": '"chat"',
    "architecture": '"LlamaForCausalLM"',
    "parameters": "1",
    "context_tokens": "64",
    "max_output_tokens": "32",
    "dtype": '"float32"',
    "licence": '"MIT"',
    "stop_tokens": '["<end>"]',
    "chat_template": '"{{ messages }}"',
}


def write(path: Path, files: str = FILE, **changes: str) -> Path:
    lines = [f"{key} = {value}" for key, value in (ENTRY | changes).items()]
    path.write_text("\n".join(["[[models]]", *lines, files, SOURCE]), encoding="utf-8")
    return path


def test_the_bundled_catalogue_offers_a_chat_and_an_embedding_model() -> None:
    catalogue = bundled_catalogue()
    assert [(entry.id, entry.kind) for entry in catalogue.entries] == [
        (CHAT, ModelKind.CHAT),
        (EMBEDDING, ModelKind.EMBEDDING),
    ]
    model = catalogue.entry(CHAT).model
    assert (model.parameters, model.context_tokens, model.max_output_tokens) == (134_515_008, 2048, 1024)
    assert model.digest == catalogue.entry(CHAT).digest


def test_any_change_of_an_entry_changes_its_digest(tmp_path: Path) -> None:
    entry = Catalogue.load(write(tmp_path / "models.toml")).entry("tiny")
    again = Catalogue.load(write(tmp_path / "again.toml")).entry("tiny")
    assert entry.digest == again.digest
    changed = [
        msgspec.structs.replace(entry, dtype="bfloat16"),
        msgspec.structs.replace(entry, chat_template="{{ messages[0] }}"),
        msgspec.structs.replace(entry, files=(msgspec.structs.replace(entry.files[0], sha256="1" * 64),)),
    ]
    assert len({entry.digest, *(each.digest for each in changed)}) == 4


def test_an_entry_survives_the_trip_to_the_worker() -> None:
    entry = bundled_catalogue().entry(CHAT)
    there = msgspec.json.decode(msgspec.json.encode(entry), type=CatalogueEntry)
    assert there == entry
    assert there.digest == entry.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": '"GptForCausalLM"'},
        {"architecture": '"BertModel"'},
        {"id": '"../escape"'},
        {"id": '"tiny\\n"'},
        {"files": FILE.replace("model.safetensors", "model.bin")},
        {"files": FILE.replace("model.safetensors", "../model.safetensors")},
        {"files": FILE.replace("0" * 64, "0" * 63)},
        {"files": "files = []"},
        {"chat_template": '""'},
        {"stop_tokens": "[]"},
        {"max_output_tokens": "64"},
        {"parameters": "0"},
        {"dtype": '"int1"'},
        {"auto_map": '"code.py"'},
    ],
)
def test_an_entry_outside_the_rules_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Catalogue.load(write(tmp_path / "models.toml", **changes))


@pytest.mark.parametrize("content", [b"", b"[[models]", b"\xff", b"models = 3"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        Catalogue.load(path)


def test_a_missing_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Catalogue.load(tmp_path / "models.toml")


def test_an_unknown_model_is_named_in_the_refusal() -> None:
    with pytest.raises(ModelNotFound, match="no model named 'gpt-9'"):
        bundled_catalogue().entry("gpt-9")


def test_one_id_twice_is_refused() -> None:
    entry = bundled_catalogue().entry(CHAT)
    with pytest.raises(SettingsError, match="twice"):
        Catalogue((entry, entry))
