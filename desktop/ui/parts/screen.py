"""Dialogs that stay on the screen, also where everything is drawn twice as large."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

AROUND: Final = QSize(16, 48)  # the frame and title the window manager adds


def resize_within_screen(window: QWidget, wanted: QSize) -> None:
    """Give a window the wanted size, or what fits on its screen; what does not fit must scroll."""
    free = window.screen().availableGeometry().size() - AROUND
    window.resize(wanted.boundedTo(free))
