"""A process and all that came from it, as /proc shows them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

_KIB: Final = 1024
_READ_BYTES: Final = 1 << 16
_GONE: Final = (FileNotFoundError, ProcessLookupError)
_COUNTED: Final = re.compile(rb"\n(?:RssAnon|RssShmem|VmSwap|HugetlbPages):\s*(\d+) kB")


def family_of(pid: int) -> list[int]:
    """The process and its descendants, parents first; empty when it is gone.

    Raises OSError where the system does not let us look, as when we have too many files open.
    """
    # Like `memory_of` it is called several times a second while the node idles.
    found: list[int] = []
    waiting = [pid]
    while waiting:
        current = waiting.pop(0)
        tasks = f"/proc/{current}/task"
        try:
            threads = os.listdir(tasks)  # noqa: PTH208 - names are all that is wanted
        except _GONE:
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
    return sum(held_bytes(_content_of(f"/proc/{pid}/status")) for pid in pids)


class MemoryGauge:
    """`memory_of`, for whoever asks again and again: it keeps the files open, which costs half as much.

    Who is named by a number that was another's before counts from the second reading on.
    """

    def __init__(self) -> None:
        self._files: dict[int, int] = {}

    def read(self, pids: Collection[int]) -> int:
        """Bytes these processes hold now, as `memory_of` counts them."""
        for gone in self._files.keys() - set(pids):
            os.close(self._files.pop(gone))
        return sum(map(self._read, pids))

    def close(self) -> None:
        """Give the files back."""
        self.read(())

    def _read(self, pid: int) -> int:
        try:
            file = self._files.get(pid)
            if file is None:
                file = self._files[pid] = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            return held_bytes(os.pread(file, _READ_BYTES, 0))
        except _GONE:
            if pid in self._files:
                os.close(self._files.pop(pid))
            return 0


def held_bytes(status: bytes) -> int:
    """What counts of a /proc/PID/status, in bytes; nothing for one that has ended and holds no memory any more."""
    # Read many times a second while the node idles: no text is decoded and no line but these is looked at.
    return sum(map(int, _COUNTED.findall(status))) * _KIB


def _content_of(file: str) -> bytes:
    """All of a file of /proc, which comes a page at a time; empty when its process is gone."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except _GONE:
        return b""
    content = b""
    try:
        while piece := os.read(descriptor, _READ_BYTES):
            content += piece
    except _GONE:
        return b""
    finally:
        os.close(descriptor)
    return content


def kill_family(pid: int) -> None:
    """Kill it and all that came from it, children first, so that nobody is handed to a new parent and missed.

    Only for a process whose exit its parent has not yet collected: a number that was, may be somebody else's now.
    """
    try:
        members = family_of(pid)
    except OSError:
        members = [pid]
    for member in reversed(members):
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue
