"""How long the last stop of each device took, kept over restarts: measured, never promised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from desktop.domain.errors import StorageUnusable
from desktop.domain.node_state import Reason

MOST_DEVICES = 64


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stop: when and why, from the trigger to the end of all work, and from there to the memory being free."""

    at_ms: int
    reason: Reason
    stop_ms: int
    release_ms: int


class Stops:
    """The last stop by device; `write` keeps a file private and whole, and may raise StorageUnusable."""

    def __init__(self, file: Path, write: Callable[[Path, str], None]) -> None:
        self._file = file
        self._write = write
        self._last = _read(file)

    def last(self, device_id: str) -> Stop | None:
        """The last stop of that device; None if none was measured."""
        return self._last.get(device_id)

    def note(self, device_id: str, stop: Stop) -> None:
        """Remember a stop; a disk that does not take it loses the number and nothing else. Blocks for a moment."""
        kept = {name: each for name, each in self._last.items() if name != device_id}
        newest = list(kept.items())[-(MOST_DEVICES - 1) :]
        self._last = {**dict(newest), device_id: stop}
        try:
            self._write(self._file, msgspec.json.encode(self._last).decode())
        except StorageUnusable:
            return


def _read(file: Path) -> dict[str, Stop]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Stop])
    except (OSError, msgspec.MsgspecError):
        return {}
