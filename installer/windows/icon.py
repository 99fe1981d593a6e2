"""The icon file: several pictures in one, as Windows wants them."""

from __future__ import annotations

import struct
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage

from installer.pictures import draw

SIZES: Final = (16, 24, 32, 48, 64, 256)
# A picture this large is kept as PNG, which Windows knows there since Vista; smaller ones as plain pixels.
_PNG_FROM: Final = 256
_ICON: Final = 1
_HEADER = struct.Struct("<HHH")
_ENTRY = struct.Struct("<BBBBHHII")
_BITMAP = struct.Struct("<IiiHHIIiiII")


def ico(sizes: tuple[int, ...] = SIZES) -> bytes:
    """The whole file: the same bytes for the same Qt."""
    pictures = [_png(draw(size)) if size >= _PNG_FROM else _bitmap(draw(size)) for size in sizes]
    offset = _HEADER.size + _ENTRY.size * len(sizes)
    entries = []
    for size, picture in zip(sizes, pictures, strict=True):
        # 256 does not fit the byte, and is written as 0.
        entries.append(_ENTRY.pack(size % 256, size % 256, 0, 0, 1, 32, len(picture), offset))
        offset += len(picture)
    return b"".join((_HEADER.pack(0, _ICON, len(sizes)), *entries, *pictures))


def _png(image: QImage) -> bytes:
    kept = QByteArray()
    buffer = QBuffer(kept)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]  # Qt's stubs know bytes, Qt itself text only
        raise OSError("Qt could not write a PNG")
    return bytes(kept.data())


def _bitmap(image: QImage) -> bytes:
    """32 bits a pixel from the bottom up, then a mask that says nothing: the alpha says it."""
    size = image.width()
    pixels = bytes(image.constBits())
    rows = [pixels[start : start + size * 4] for start in range(0, len(pixels), size * 4)]
    mask = bytes((size + 31) // 32 * 4 * size)
    # The height counts pixels and mask.
    head = _BITMAP.pack(_BITMAP.size, size, size * 2, 1, 32, 0, size * size * 4 + len(mask), 0, 0, 0, 0)
    return b"".join((head, *reversed(rows), mask))
