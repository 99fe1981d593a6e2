"""Pictures of the one SVG in every size a desktop asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from desktop.resources import resource

SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256, 512)
SVG: Final = "icons/hearth.svg"


def write_icons(folder: Path) -> None:
    """Fill `folder`, a `hicolor` theme, with the SVG and its pictures: the same bytes for the same Qt."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    picture = QSvgRenderer(str(resource(SVG)))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        picture.render(painter)
        painter.end()
        path = folder / f"{size}x{size}" / "apps" / "hearth.png"
        path.parent.mkdir(parents=True)
        if not image.save(str(path)):
            raise OSError(f"{path} could not be written")
    path = folder / "scalable" / "apps" / "hearth.svg"
    path.parent.mkdir(parents=True)
    path.write_bytes(resource(SVG).read_bytes())
