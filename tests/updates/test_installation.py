from __future__ import annotations

from pathlib import Path

import pytest

from desktop.updates.installation import Kind, find_installation


@pytest.mark.parametrize(
    ("name", "files", "kind", "command"),
    [
        ("app-0123456789abcdef", ["app-0123456789abcdef/use"], Kind.RUN, ""),
        ("hearth", ["hearth.list"], Kind.DEB, "sudo apt install x"),
        ("hearth", [], Kind.RPM, "sudo dnf install x"),
    ],
)
def test_each_way_of_installing_is_known(tmp_path: Path, name: str, files: list[str], kind: Kind, command: str) -> None:
    (tmp_path / name).mkdir()
    for file in files:
        (tmp_path / file).touch()
    environ = {"HEARTH_PAYLOAD": str(tmp_path / name)}
    found = find_installation(environ, dpkg=tmp_path / "hearth.list")
    assert found.kind is kind
    assert found.replaces_itself is (kind is Kind.RUN)
    assert found.command(Path("x")) == command


def test_a_checkout_is_nobodys_to_replace(tmp_path: Path) -> None:
    for environ in ({}, {"HEARTH_PAYLOAD": ""}, {"HEARTH_PAYLOAD": str(tmp_path / "gone")}):
        found = find_installation(environ)
        assert (found.kind, found.replaces_itself, found.command(tmp_path)) == (Kind.CHECKOUT, False, "")
