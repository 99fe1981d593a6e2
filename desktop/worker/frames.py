"""Frames: the only thing that passes between the node and its sandboxed worker.

A frame is a length (4 bytes, big-endian, of the payload alone), a kind (1 byte) and the payload: a message as JSON, or
raw bytes where JSON would be waste (embedding vectors). No payload is longer than 1 MiB. A chat request is the longest
message; the API takes bodies up to 512 KiB, which stay below the cap whatever they hold, because UTF-8 is not escaped.

Nothing here reads or writes: bytes go in, frames come out. Either side ends the conversation at the first byte that
does not fit, because a peer that once broke the rules has no next frame worth reading.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from desktop.domain.errors import FrameError

MAX_PAYLOAD_BYTES: Final = 1 << 20
FRAME_DEADLINE_S: Final = 10.0
"""How long a frame may take from its first byte to its last."""

_HEADER: Final = struct.Struct(">IB")
HEADER_BYTES: Final = _HEADER.size


class FrameKind(IntEnum):
    """What a payload is."""

    MESSAGE = 1
    RAW = 2


_KINDS: Final = frozenset(map(int, FrameKind))


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame."""

    kind: FrameKind
    payload: bytes


def encode_frame(kind: FrameKind, payload: bytes) -> bytes:
    """The frame's bytes; FrameError if the payload is over the cap."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FrameError(f"A frame of {len(payload):,} bytes is over the limit of {MAX_PAYLOAD_BYTES:,}.")
    return _HEADER.pack(len(payload), kind) + payload


class FrameDecoder:
    """Collects bytes and gives out whole frames; holds at most one frame and what one read brought beyond it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether some but not all bytes of a frame are here, once `take` has returned None."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def take(self) -> Frame | None:
        """The next whole frame, or None if more bytes are needed. FrameError at the first wrong header."""
        if len(self._buffer) < _HEADER.size:
            return None
        length, number = _HEADER.unpack_from(self._buffer)
        if number not in _KINDS:
            raise FrameError(f"There is no frame of kind {number}.")
        if length > MAX_PAYLOAD_BYTES:
            raise FrameError(f"A frame announces {length:,} bytes, over the limit of {MAX_PAYLOAD_BYTES:,}.")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return Frame(FrameKind(number), payload)
