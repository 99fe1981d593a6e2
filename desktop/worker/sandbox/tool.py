"""Runs one of our own programs shut in as a worker is, with a folder it may write to: for parsing strangers' files."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from desktop.domain.errors import WorkerError
from desktop.worker.sandbox.cell import Cell, Start
from desktop.worker.sandbox.check import find_mode
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.line import Order
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.watchdog import Watchdog

_LIMITS: Final = Limits(file_bytes=8 << 30)


async def run_tool(
    module: str,
    arguments: Sequence[str],
    *,
    readable: Sequence[Path],
    writable: Path,
    timeout_s: float,
    runtime: Runtime | None = None,
    policy: ModePolicy | None = None,
    limits: Limits = _LIMITS,
) -> SandboxMode:
    """Run `module` as a program (`python -m`) that may read `readable` and write to the folder `writable`.

    All paths are absolute. Arguments that are one of them, or lie below one, are passed as the program sees them.
    It has no second filter, because it makes files; everything else is as for a worker. Afterwards the folder belongs
    to us and holds plain files and folders only, or WorkerError. WorkerError as well, with what the program printed,
    when it fails or takes too long; SandboxUnavailable and SandboxBroken as for a worker. Returns the mode it ran in.
    """
    order = Order(module, tuple(arguments), tuple(readable), (writable,), limits)
    runtime = runtime or Runtime.current()
    with tempfile.TemporaryDirectory(prefix="hearth-") as home:
        report = await find_mode(order, policy or ModePolicy(), runtime, Path(home))
    if report.mode is not SandboxMode.NONE:
        report.require()
    cell = await Cell.open(Start(order, report.mode, runtime), with_channel=False)
    try:
        async with asyncio.timeout(timeout_s):
            reason = await Watchdog(cell, lambda: 0.0).watch()
            status = await cell.wait()
    except TimeoutError:
        reason, status = f"It took more than {timeout_s:.0f} seconds.", 0
    finally:
        await cell.close()
        _take_back(writable)
    if reason or status:
        raise WorkerError(f"The program {module} failed.", why=reason or cell.log or f"Its exit status is {status}.")
    return report.mode


def _take_back(folder: Path) -> None:
    """Make everything in it ours and readable; a link or a device in there could stand for anything, so it must go."""
    strangers = []
    for parent, folders, files in os.walk(folder):
        os.chown(parent, os.geteuid(), os.getegid())
        for name in (*folders, *files):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                path.chmod(0o755)
            elif stat.S_ISREG(mode) and path.lstat().st_nlink == 1:
                os.chown(path, os.geteuid(), os.getegid())
                path.chmod(0o644)
            else:
                path.unlink()
                strangers.append(name)
    if strangers:
        raise WorkerError("A program in the sandbox made something other than plain files.")
