"""The owner's programs first: a worker takes what processor and disk they leave.

Three things are needed, because each alone is weak somewhere. The idle class and the lowest niceness count within one
scheduling group only; a kernel that groups tasks by session (autogroup) gives the worker's session as much as all of
the owner's, unless the group is nice too. What cannot be lowered here stays as it is: nothing else depends on it.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Final

LOWEST: Final = 19
_IO_CLASS_IDLE: Final = 3 << 13
_THIS_PROCESS: Final = 1
_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}


def give_way() -> None:
    """Put this process, and every thread and process it starts from now on, behind everybody else's."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(LOWEST), encoding="ascii")
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, _THIS_PROCESS, 0, _IO_CLASS_IDLE)
