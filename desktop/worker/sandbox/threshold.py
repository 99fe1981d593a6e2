"""The way in: everything that must hold before a worker does anything, in the order that makes it hold.

Standard library only up to the point where the first restrictions stand.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import runpy
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from desktop.worker.sandbox import landlock, limits, seccomp
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.syscalls import Table

_PR_SET_PDEATHSIG: Final = 1
_STANDARD_STREAMS: Final = 3

NOT_AVAILABLE: Final = 78
"""Exit status when a restriction that this mode needs does not apply on this computer."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a process is started for, and the restrictions it puts on itself. All paths are as that process sees them.

    `channel` is the number of the inherited socket; a tool has none (-1) and is run as a program with `arguments`,
    a worker's `module` is imported and its `main` called. `tasks_of_others` is what else this user runs. `graphics`
    says that a graphics device is among `devices`: its driver needs more than filter 2 allows, until it is warmed up.
    """

    module: str
    mode: SandboxMode
    channel: int
    arguments: tuple[str, ...]
    packages: dict[str, str]
    site: tuple[str, ...]
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    devices: tuple[str, ...]
    limits: Limits
    tasks_of_others: int
    graphics: bool

    def as_json(self) -> dict[str, object]:
        """What `enter.py` is given."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Errand:
        """The errand a launcher wrote."""
        tuples = {name: tuple(data[name]) for name in ("arguments", "site", "readable", "writable", "devices")}
        fixed = {"mode": SandboxMode(data["mode"]), "limits": Limits(**data["limits"])}
        return cls(**{**data, **tuples, **fixed})


class Threshold:
    """What a worker's `main` gets: its channel to the node, and the way to shut the door behind itself."""

    def __init__(self, errand: Errand) -> None:
        self.channel = socket.socket(fileno=errand.channel)
        self.arguments = errand.arguments
        self.sealed = errand.mode is SandboxMode.NONE
        self._graphics = errand.graphics

    def seal(self) -> None:
        """Put filter 2 on every thread, if it is not there yet; nothing that it refuses may be needed later."""
        if not self.sealed:
            table = Table(platform.machine())
            program = seccomp.filter_at_work(table, os.getpid(), memory_files=self._graphics)
            seccomp.install(program, table)
            self.sealed = True


def cross(errand: Errand) -> int:
    """Restrict this process as the errand says, run its module; the exit status, where this returns at all."""
    if os.getuid() == 0 or os.geteuid() == 0:
        return _refuse("A worker never runs as root.")
    os.closerange(_STANDARD_STREAMS, errand.channel)
    os.closerange(max(_STANDARD_STREAMS, errand.channel + 1), 1 << 16)
    threshold = None
    try:
        _restrict(errand)
        if errand.channel >= 0:
            threshold = Threshold(errand)
            if not errand.graphics:
                # On the processor alone nothing needs more, so even model files are parsed behind both filters.
                threshold.seal()
    except OSError as error:
        return _refuse(f"A restriction does not apply here: {error}.")
    if threshold is None:
        return _run_tool(errand)
    status = int(importlib.import_module(errand.module).main(threshold))
    sys.stdout.flush()
    sys.stderr.flush()
    # Straight out: Python would tidy gigabytes object by object, and the device should be free at once.
    os._exit(status)


def _run_tool(errand: Errand) -> int:
    sys.argv = [errand.module, *errand.arguments]
    runpy.run_module(errand.module, run_name="__main__", alter_sys=True)
    return 0


def _restrict(errand: Errand) -> None:
    if errand.mode is not SandboxMode.NAMESPACES:
        # bwrap sees to this in a PID namespace of its own.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    limits.apply(errand.limits, tasks_of_others=errand.tasks_of_others)
    if errand.mode is SandboxMode.NONE:
        return
    table = Table(platform.machine())
    if errand.mode is SandboxMode.RESTRICTED:
        seccomp.install(seccomp.filter_at_exec(table), table)
    landlock.restrict(
        readable=map(Path, errand.readable),
        writable=map(Path, errand.writable),
        devices=map(Path, errand.devices),
    )


def _refuse(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return NOT_AVAILABLE
