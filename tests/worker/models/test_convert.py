from __future__ import annotations

from pathlib import Path

import pytest

from desktop.worker.models import convert
from desktop.worker.models.source import conversion_arguments, locate_source
from desktop.worker.models.store import ModelStore
from tests.fakes.bundled_models import CHAT, EMBEDDING, bundled_catalogue


@pytest.mark.slow
@pytest.mark.parametrize("model_id", [CHAT, EMBEDDING])
def test_conversion_gives_the_pinned_bytes(model_id: str, tmp_path: Path) -> None:
    catalogue = bundled_catalogue()
    store = ModelStore(tmp_path, catalogue)
    entry = catalogue.entry(model_id)
    folder = store.folder_of(model_id)
    folder.mkdir()
    assert not store.present(model_id)
    assert convert.main(conversion_arguments(entry, locate_source(entry), folder)) == 0
    assert store.present(model_id)
    store.verify(model_id)


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 64, b"GGUF\x03\0\0\0" + b"\0" * 64, b"PK\x03\x04" + b"\0" * 200],
)
def test_a_bad_file_ends_with_its_name_and_leaves_nothing(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "bad.gguf"
    source.write_bytes(content)
    output = tmp_path / "out"
    output.mkdir()
    assert convert.main(["gguf", str(output), str(source)]) == 1
    assert "bad.gguf" in capsys.readouterr().err
    assert not list(output.iterdir())


@pytest.mark.parametrize("arguments", [[], ["gguf"], ["copy", "out"], ["run", "out", "x"]])
def test_wrong_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert convert.main(arguments) == 1
    assert "Expected" in capsys.readouterr().err


def test_a_missing_source_is_an_exit_status(tmp_path: Path) -> None:
    assert convert.main(["copy", str(tmp_path), str(tmp_path / "missing.json")]) == 1
