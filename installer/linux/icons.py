"""Pictures of the one SVG in every size a desktop asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from desktop.resources import resource
from installer.pictures import SVG, draw

SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256, 512)


def write_icons(folder: Path) -> None:
    """Fill `folder`, a `hicolor` theme, with the SVG and its pictures: the same bytes for the same Qt."""
    for size in SIZES:
        path = folder / f"{size}x{size}" / "apps" / "hearth.png"
        path.parent.mkdir(parents=True)
        if not draw(size).save(str(path)):
            raise OSError(f"{path} could not be written")
    path = folder / "scalable" / "apps" / "hearth.svg"
    path.parent.mkdir(parents=True)
    path.write_bytes(resource(SVG).read_bytes())
