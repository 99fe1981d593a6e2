"""A titled box."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.parts.label import label


class Panel(QFrame):
    """A box with a title, optional controls at its right, and what is put into `body`."""

    def __init__(self, title: str, *controls: QWidget) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 14)
        self.body.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(label(title, "section"))
        head.addStretch()
        for control in controls:
            head.addWidget(control)
        self.body.addLayout(head)
