from __future__ import annotations

from pathlib import Path

import pytest

from installer.payload.contents import build
from installer.payload.lock import CACHE
from installer.payload.source import Source
from installer.payload.targets import LINUX


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The commit that is checked out, apart from what somebody may be changing here."""
    return Source.here().export(tmp_path_factory.mktemp("commit"))


@pytest.fixture(scope="session")
def payload(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Linux payload of that commit."""
    folder = tmp_path_factory.mktemp("build") / "payload"
    build(LINUX, folder, source, cache=CACHE)
    return folder
