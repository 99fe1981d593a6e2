"""The one SVG, drawn at any size: what the icons of all systems are made of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from desktop.resources import resource

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

SVG: Final = "icons/hearth.svg"


def draw(size: int) -> QImage:
    """A square picture `size` pixels wide on a transparent ground: the same for the same Qt."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(resource(SVG))).render(painter)
    painter.end()
    return image
