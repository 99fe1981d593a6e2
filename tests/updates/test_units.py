"""Nodes that systemd keeps, with a `systemctl` that acts its part."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.updates.units import in_unit_of_its_own, systemctl, unit_of


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(
        '#!/bin/sh\necho "$*" >>"$LOG"\ncase $* in *MainPID*hearth.service) echo 42 ;; esac\n'
    )
    (tools / "systemd-run").write_text("#!/bin/sh\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return {"PATH": f"{tools}:/usr/bin:/bin", "LOG": str(tmp_path / "log")}


def group(proc: Path, pid: int, line: str) -> Path:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cgroup").write_text(line)
    return proc


UNIT = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/hearth.service\n"


def test_the_main_process_of_a_unit_is_known_by_it(tmp_path: Path, environ: dict[str, str]) -> None:
    proc = group(tmp_path / "proc", 42, UNIT)
    assert unit_of(42, environ, proc) == "hearth.service"
    assert in_unit_of_its_own(42, environ, proc)[1:] == ["--user", "--collect", "--quiet"]


@pytest.mark.parametrize(
    ("pid", "line"),
    [
        (43, UNIT),  # started from a terminal whose service it lies in
        (42, "0::/user.slice/user-1000.slice/session-2.scope\n"),
        (42, "0::/user.slice/x/other.service\n"),
        (42, ""),
    ],
)
def test_others_are_nobodys(tmp_path: Path, environ: dict[str, str], pid: int, line: str) -> None:
    proc = group(tmp_path / "proc", pid, line)
    assert unit_of(pid, environ, proc) == ""
    assert in_unit_of_its_own(pid, environ, proc) == []


def test_without_systemd_nothing_is_asked(tmp_path: Path) -> None:
    assert unit_of(42, {"PATH": str(tmp_path)}, group(tmp_path / "proc", 42, UNIT)) == ""
    assert unit_of(42, {"PATH": str(tmp_path)}, tmp_path / "none") == ""
    assert systemctl({"PATH": str(tmp_path)}, "start", "x") == ""
