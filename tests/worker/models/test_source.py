from __future__ import annotations

import msgspec
import pytest

from desktop.domain.errors import ModelCorrupt, Unavailable
from desktop.worker.models.source import locate_source
from tests.fakes.bundled_models import EMBEDDING, bundled_catalogue

ENTRY = bundled_catalogue().entry(EMBEDDING)


def test_the_installed_package_is_found_and_every_file_of_it_checked() -> None:
    folder = locate_source(ENTRY)
    assert all((folder / file.path).is_file() for file in ENTRY.source.files)


def test_a_package_that_is_not_installed_is_named() -> None:
    source = msgspec.structs.replace(ENTRY.source, package="no-such-model")
    with pytest.raises(Unavailable, match="no-such-model==0"):
        locate_source(msgspec.structs.replace(ENTRY, source=source))


def test_a_package_of_another_version_is_not_taken() -> None:
    source = msgspec.structs.replace(ENTRY.source, version="9.9")
    with pytest.raises(Unavailable, match="another version"):
        locate_source(msgspec.structs.replace(ENTRY, source=source))


def test_an_altered_file_is_refused_by_name() -> None:
    config = ENTRY.source.files[0]
    altered = msgspec.structs.replace(config, sha256="0" * 64)
    source = msgspec.structs.replace(ENTRY.source, files=(altered, *ENTRY.source.files[1:]))
    with pytest.raises(ModelCorrupt, match=config.path):
        locate_source(msgspec.structs.replace(ENTRY, source=source))
