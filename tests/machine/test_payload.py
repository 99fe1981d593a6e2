from __future__ import annotations

from pathlib import Path

import pytest

from desktop.machine.payload import FOLDER, Payload


def test_an_installed_program_knows_its_payload(tmp_path: Path) -> None:
    payload = Payload.installed({FOLDER: str(tmp_path)})

    assert payload is not None
    assert payload.uv.parent == payload.command.parent == tmp_path


@pytest.mark.parametrize("environ", [{}, {FOLDER: ""}, {FOLDER: "not/absolute"}, {FOLDER: "/is/not/there"}])
def test_without_one_there_is_none(environ: dict[str, str]) -> None:
    assert Payload.installed(environ) is None
