"""The file that is still coming: bytes beside a note of what they are the beginning of."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from desktop.downloads.wanted import Wanted

_BLOCK_BYTES: Final = 1 << 20


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bytes belong to. `validator` is the server's strong ETag, by which it knows its file again."""

    url: str
    bytes: int | None
    sha256: str | None
    validator: str | None


class Part:
    """`NAME.part` and `NAME.part.json` beside the target `NAME`. Raises OSError where the disk does."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    def beginning(self, wanted: Wanted) -> tuple[int, str | None]:
        """How many bytes of exactly `wanted` are there, and the server's validator for them.

        Bytes that no digest will prove and no validator ties to the server's present file are dropped, as are those
        of another file.
        """
        try:
            note = msgspec.json.decode(self._note.read_bytes(), type=Note)
            length = self.path.stat().st_size
        except (FileNotFoundError, msgspec.MsgspecError):
            self.drop()
            return 0, None
        same = (note.url, note.bytes, note.sha256) == (wanted.url, wanted.bytes, wanted.sha256)
        too_long = wanted.bytes is not None and length > wanted.bytes
        if not same or too_long or (wanted.sha256 is None and note.validator is None):
            self.drop()
            return 0, None
        return length, note.validator

    def begin(self, wanted: Wanted, validator: str | None) -> None:
        """Start anew: no bytes, and the note of what will come."""
        self.drop()
        note = Note(wanted.url, wanted.bytes, wanted.sha256, validator)
        # The note first: bytes without a note are dropped, a note without bytes is a beginning of length 0.
        self._note.write_bytes(msgspec.json.encode(note))
        self.path.touch()

    def digest(self) -> hashlib._Hash:
        """sha256 over the bytes that are there, to be carried on."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return digest

    def finish(self) -> None:
        """The bytes are whole: give them the target's name, durably."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
        if os.name == "posix":  # elsewhere a folder cannot be opened, and renaming is durable by itself
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        """Forget what is there."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
