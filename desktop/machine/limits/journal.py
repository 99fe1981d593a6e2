"""What was changed on the hardware, written down before it is changed, so that anybody can put it back."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from desktop.domain.errors import StorageUnusable
from desktop.machine.limits.power import KnobKind
from desktop.machine.private_file import read_private, write_private

if sys.platform == "win32":
    from desktop.machine.windows import try_lock
else:
    from desktop.machine.linux import try_lock

_MOST_BYTES: Final = 64 << 10
_LOOK_AGAIN_S: Final = 0.05

Microwatts = Annotated[int, Meta(ge=1, le=10_000_000_000)]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One device whose power limit is not what it was.

    `old_uw` was found there; `ours_uw` are the limits we set or were about to set, the newest last. `owner` is the run
    of the node that did.
    """

    device: Annotated[str, Meta(min_length=1, max_length=100)]
    kind: KnobKind
    old_uw: Microwatts
    ours_uw: Annotated[tuple[Microwatts, ...], Meta(min_length=1, max_length=2)]
    owner: Annotated[str, Meta(min_length=1, max_length=64)]


_entries: Final = msgspec.json.Decoder(tuple[Entry, ...])


class Journal:
    """The journal of one data folder. `busy` keeps two processes from putting back at the same time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "limits.json"
        self._lock = folder / "limits.lock"

    def read(self) -> tuple[Entry, ...]:
        """What is changed; StorageUnusable where the file is not what we wrote."""
        content = read_private(self._path, _MOST_BYTES)
        try:
            return () if content is None else _entries.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StorageUnusable(
                f"{self._path} cannot be used.",
                why="It is damaged, so what Hearth changed on the hardware is not known.",
                now="Delete it; power limits that were changed end when the computer restarts.",
            ) from error

    def write(self, entries: Sequence[Entry]) -> None:
        """Replace the whole of it, on disk when this returns; StorageUnusable where the disk does not take it."""
        if entries:
            write_private(self._path, msgspec.json.encode(tuple(entries)).decode())
        else:
            self._path.unlink(missing_ok=True)

    @contextmanager
    def busy(self, within_s: float) -> Iterator[None]:
        """The only process that puts back; StorageUnusable when another one is still at it after that time."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + within_s
            while not try_lock(descriptor):
                if time.monotonic() > deadline:
                    raise StorageUnusable(
                        "The power limits of the last run are still being put back.",
                        why="Another process of Hearth does that, and a driver may be keeping it waiting.",
                        now="Restart the computer if this does not pass.",
                    )
                time.sleep(_LOOK_AGAIN_S)
            yield
        finally:
            os.close(descriptor)
