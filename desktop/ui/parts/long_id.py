"""A key, digest or address: too long for a line, broken anywhere, copied whole."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui.language import tr

FLAGS = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWrapAnywhere


class LongId(QWidget):
    """Ctrl+C, or the menu of the right mouse button, copies it."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        copy = QAction(tr("Copy"), self)
        copy.triggered.connect(self.copy)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def text(self) -> str:
        """What is shown."""
        return self._text

    def setText(self, text: str) -> None:
        """Show another."""
        self._text = text
        self.updateGeometry()
        self.update()

    def copy(self) -> None:
        """Put it on the clipboard."""
        QGuiApplication.clipboard().setText(self._text)

    def sizeHint(self) -> QSize:
        """One line where there is room."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 4, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """A dozen characters a line."""
        return QSize(self.fontMetrics().averageCharWidth() * 12, self.fontMetrics().height() + 2)

    def hasHeightForWidth(self) -> bool:
        """It breaks."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many lines as it takes."""
        return self.fontMetrics().boundingRect(QRect(0, 0, max(1, width), 10_000), int(FLAGS), self._text).height() + 2

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the text, underlined by a frame while it has the focus."""
        painter = QPainter(self)
        painter.setPen(self.palette().text().color())
        painter.drawText(self.rect(), int(FLAGS), self._text)
        if self.hasFocus():
            painter.setPen(self.palette().highlight().color())
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()
