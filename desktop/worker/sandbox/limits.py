"""What a worker may use of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_MIB = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers the kernel (rlimits, sized tmpfs) and the node's watchdog keep.

    `memory_bytes` is what the worker may have for itself; mapped model files, which the kernel can drop, are not
    counted. `tasks` are processes and threads. `file_bytes` is the size of the largest file, memory files included.
    `scratch_bytes` is the size of /tmp and of /dev/shm. `log_bytes` is how much it may print in its life, and
    `silence_s` how long it may go without a sign of life before it counts as hung.
    """

    memory_bytes: int = 8 * _GIB
    tasks: int = 256
    open_files: int = 512
    file_bytes: int = 64 * _MIB
    scratch_bytes: int = 64 * _MIB
    log_bytes: int = 1 * _MIB
    silence_s: float = 60.0


def apply(limits: Limits, *, tasks_of_others: int) -> None:
    """Put the limits on this process and all it starts, and offer it first when the machine runs out of memory.

    The kernel counts tasks per user, so the `tasks_of_others` that this user already runs come on top.
    """
    import resource

    memory = limits.memory_bytes
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.tasks + tasks_of_others),
        (resource.RLIMIT_RTPRIO, 0),
        (resource.RLIMIT_SIGPENDING, limits.tasks),
    ):
        _, hard = resource.getrlimit(what)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (allowed, allowed))
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def tasks_of(uid: int) -> int:
    """How many threads that user runs now, as far as /proc shows them."""
    count = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid == uid:
                count += sum(1 for _ in Path(entry.path, "task").iterdir())
        except OSError:
            continue  # it ended while we looked
    return count
