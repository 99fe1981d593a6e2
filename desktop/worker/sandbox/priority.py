"""The owner's programs first: a worker that works takes what processor and disk they leave.

Three things are needed, because each alone is weak somewhere. The idle class and the lowest niceness count within one
scheduling group only; a kernel that groups tasks by session (autogroup) gives the worker's session as much as all of
the owner's, unless the group is nice too. What cannot be lowered here stays as it is: nothing else depends on it.

It is done from outside and once the worker is ready: a start that is starved looks like one that failed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOWEST: Final = 19
_IO_CLASS_IDLE: Final = 3 << 13
_ONE_TASK: Final = 1
_TRIES: Final = 20
_AGAIN_AFTER_S: Final = 0.11
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}


def give_way(pids: Iterable[int]) -> None:
    """Put every thread of those processes, and all that they start from now on, behind everybody else's.

    The group of a session is lowered only if it is not our own: with it, all of the owner's programs in it would be.
    That may have to wait for some tenths of a second, so it is not for an event loop.
    """
    number = _IOPRIO_SET.get(platform.machine())
    for pid in pids:
        for task in _tasks_of(pid):
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, task, LOWEST)
            with suppress(OSError):
                os.sched_setscheduler(task, os.SCHED_IDLE, os.sched_param(0))
            if number is not None:
                ctypes.CDLL(None).syscall(number, _ONE_TASK, task, _IO_CLASS_IDLE)
        with suppress(OSError):
            if os.getsid(pid) != os.getsid(0):
                _lower_group(Path(f"/proc/{pid}/autogroup"))


def _lower_group(group: Path) -> None:
    """Make the group nice, once. Raises OSError where that cannot be."""
    for _ in range(_TRIES):
        if group.read_text(encoding="ascii").rstrip().endswith(f" nice {LOWEST}"):
            return
        try:
            group.write_text(str(LOWEST), encoding="ascii")
        except BlockingIOError:
            # From whoever is not root the kernel takes one such wish in a tenth of a second, of the whole computer.
            time.sleep(_AGAIN_AFTER_S)


@dataclass(frozen=True, slots=True)
class Effort:
    """What processes have got of the processors so far, in seconds, and whether a thread of theirs wants one now."""

    cpu_s: float
    wants_more: bool


def effort_of(pids: Iterable[int]) -> Effort:
    """The effort of those processes together; nothing of those that are gone."""
    ticks, wants_more = 0, False
    for pid in pids:
        for task in _tasks_of(pid):
            with suppress(OSError, ValueError, IndexError):
                text = Path(f"/proc/{pid}/task/{task}/stat").read_text(encoding="utf-8", errors="replace")
                # What comes before, the name, may hold anything. Then the third field is the state, the 14th and
                # 15th are ticks of work: proc_pid_stat(5).
                fields = text.rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
                wants_more = wants_more or fields[0] == "R"
    return Effort(ticks / os.sysconf("SC_CLK_TCK"), wants_more)


def _tasks_of(pid: int) -> list[int]:
    try:
        return [int(task) for task in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []
