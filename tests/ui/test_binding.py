"""The Qt binding leaves Python's own objects whole.

PySide6 6.12.0 gave back a reference to None with every call that returns nothing, without taking one: harmless from
Python 3.12 on, where None is immortal, but on 3.11 a window ended with a fatal error after some thousand repaints.
"""

import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QApplication, QLabel

TIMES = 500
CALLS: dict[str, Callable[[QPainter, QLabel], object]] = {
    "path": lambda _painter, _label: QPainterPath().addRoundedRect(QRectF(0, 0, 1, 1), 1, 1),
    "pen": lambda painter, _label: painter.setPen(QColor("#123456")),
    "fill": lambda painter, _label: painter.fillRect(QRectF(0, 0, 1, 1), QColor("#123456")),
    "text": lambda _painter, label: label.setText("text"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_returns_nothing_takes_nothing(app: QApplication, name: str) -> None:
    assert app
    pixels = QPixmap(8, 8)
    painter, label = QPainter(pixels), QLabel()
    before = sys.getrefcount(None)
    for _ in range(TIMES):
        CALLS[name](painter, label)
    after = sys.getrefcount(None)
    painter.end()
    assert abs(after - before) < TIMES / 10
