"""A process and all that came from it, as /proc shows them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_KIB: Final = 1024
_READ_BYTES: Final = 1 << 16
_COUNTED: Final = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap|HugetlbPages):\s*(\d+) kB$", re.MULTILINE)


def family_of(pid: int) -> list[int]:
    """The process and its descendants, parents first; empty when it is gone."""
    # Like `memory_of` it is called several times a second while the node idles.
    found: list[int] = []
    waiting = [pid]
    while waiting:
        current = waiting.pop(0)
        tasks = f"/proc/{current}/task"
        try:
            threads = os.listdir(tasks)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue
        found.append(current)
        for thread in threads:
            waiting += map(int, _content_of(f"{tasks}/{thread}/children").split())
    return found


def facts_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process, by the names of /proc/PID/status; empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def memory_of(pids: Iterable[int]) -> int:
    """Bytes these processes hold that the kernel cannot simply drop: private, shared, swapped and huge pages.

    Pages that several of them share are counted once for each, which errs on the safe side.
    """
    # Read many times a second while the node idles: no text is decoded and no line but these is looked at.
    return sum(int(kib) for pid in pids for kib in _COUNTED.findall(_content_of(f"/proc/{pid}/status"))) * _KIB


def _content_of(file: str) -> bytes:
    """All of a file of /proc, which comes a page at a time; empty when its process is gone."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    content = b""
    try:
        while piece := os.read(descriptor, _READ_BYTES):
            content += piece
    except ProcessLookupError:
        return b""
    finally:
        os.close(descriptor)
    return content


def kill_family(pid: int) -> None:
    """Kill it and all that came from it, children first, so that nobody is handed to a new parent and missed.

    Only for a process whose exit its parent has not yet collected: a number that was, may be somebody else's now.
    """
    for member in reversed(family_of(pid)):
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue
