"""Ctrl+C as a pause."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pausing(stop: threading.Event) -> Iterator[None]:
    """Within this, Ctrl+C sets `stop` and nothing else; whoever looks at it ends at a good moment."""
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
