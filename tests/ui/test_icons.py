from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop.ui.icons import app_icon
from installer.pictures import draw

SIZE = 128
DIFFERS = 64  # of 255: more than two ways of smoothing an edge make


def test_the_installers_icon_is_the_one_the_app_paints(app: QApplication) -> None:
    assert app
    drawn = draw(SIZE)
    painted = app_icon().pixmap(SIZE, SIZE).toImage().convertToFormat(drawn.format())
    painted = painted.scaled(
        SIZE, SIZE, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    off = sum(
        abs(drawn.pixelColor(x, y).alpha() - painted.pixelColor(x, y).alpha()) > DIFFERS
        for x in range(SIZE)
        for y in range(SIZE)
    )
    assert off < SIZE * SIZE // 200, off
