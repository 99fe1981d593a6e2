"""Nodes that systemd keeps: who is one, and how to outlive it. Source: systemd.service(5), systemd.kill(5)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_UNIT: Final = re.compile(r"/([A-Za-z0-9:_.@\\-]{1,200}\.service)$", re.MULTILINE)
_WITHIN_S: Final = 10.0


def unit_of(pid: int, environ: Mapping[str, str], proc: Path = _PROC) -> str:
    """The user's unit whose main process that is; empty if there is none."""
    try:
        found = _UNIT.search((proc / str(pid) / "cgroup").read_text())
    except OSError:
        return ""
    # A program started from another one's unit lies in its group too, and is nobody's main process.
    if found is None or systemctl(environ, "show", "--property=MainPID", "--value", found[1]).strip() != str(pid):
        return ""
    return found[1]


def systemctl(environ: Mapping[str, str], *words: str) -> str:
    """What the user's systemd answers; empty if it does not."""
    program = shutil.which("systemctl", path=environ.get("PATH"))
    if program is None:
        return ""
    try:
        line = [program, "--user", *words]
        done = subprocess.run(line, env=dict(environ), capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def in_unit_of_its_own(pid: int, environ: Mapping[str, str], proc: Path = _PROC) -> list[str]:
    """What to put before a command that shall outlive process `pid`: systemd ends a unit with all that it began."""
    if not unit_of(pid, environ, proc):
        return []
    program = shutil.which("systemd-run", path=environ.get("PATH"))
    return [] if program is None else [program, "--user", "--collect", "--quiet"]
