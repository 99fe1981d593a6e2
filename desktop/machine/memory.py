"""What a process that runs for months holds of the computer's memory: what it uses, and little besides."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

# From glibc's malloc.h. Elsewhere, musl for one, there is no such function, and no need of it.
_TRIM_THRESHOLD: Final = -1
_ARENA_MAX: Final = -8
_ARENAS: Final = 2
_KEPT_BYTES: Final = 64 << 10


def keep_little() -> None:
    """Have the C library give back at once what was freed, and share two stores of memory between all threads.

    By default it keeps a store for each thread, and much of what a start needed once. For a process that mostly waits;
    call it early, because what is kept already stays. Does nothing where it cannot be had.
    """
    if sys.platform != "linux":
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except AttributeError:
        return
    set_option(_ARENA_MAX, _ARENAS)
    set_option(_TRIM_THRESHOLD, _KEPT_BYTES)
