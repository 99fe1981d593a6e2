"""A titled box."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from desktop.ui.parts.head import Head


class Panel(QFrame):
    """A box with a title, optional controls at its right, and what is put into `body`."""

    def __init__(self, title: str, *controls: QWidget) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 14)
        self.body.setSpacing(8)
        self.body.addWidget(Head(title, controls))
