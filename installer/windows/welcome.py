"""The picture beside the setup's first and last page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QImage, QPainter

from installer.pictures import draw

# The size is the pages' own.
_WIDTH: Final = 164
_HEIGHT: Final = 314
_GROUND: Final = "#f3f4f6"
_ICON: Final = 96


def write_welcome(path: Path) -> None:
    """Write it as a bitmap, the only form the pages know: the same bytes for the same Qt."""
    image = QImage(_WIDTH, _HEIGHT, QImage.Format.Format_RGB888)
    image.fill(QColor(_GROUND))
    painter = QPainter(image)
    painter.drawImage(QPoint((_WIDTH - _ICON) // 2, _HEIGHT // 4), draw(_ICON))
    painter.end()
    if not image.save(str(path), "BMP"):  # type: ignore[call-overload]  # Qt's stubs know bytes, Qt itself text only
        raise OSError(f"{path} could not be written")
