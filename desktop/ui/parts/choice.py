"""A box to tick and a circle to choose, whose words break where there is no room, seen as well on dark as on light.

The system's own would keep their words in one line, and in the dark their outline can hardly be seen.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QRadioButton, QSizePolicy

MARK: Final = 16
GAP: Final = 8
MARGIN: Final = 3
OUTLINE: Final = 1.5  # of a circle, a thinner one would be half as dark as its colour
LEAST_WORDS: Final = 120
FLAGS: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
TICK: Final = (QPointF(4.2, 8.4), QPointF(6.9, 11.2), QPointF(11.8, 5.0))


class Check(QCheckBox):
    """On or off."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        _may_break(self)

    def sizeHint(self) -> QSize:
        """One line."""
        return _one_line(self)

    def minimumSizeHint(self) -> QSize:
        """Some words a line."""
        return _least(self)

    def hasHeightForWidth(self) -> bool:
        """It breaks."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many lines as it takes."""
        return _height(self, width)

    def hitButton(self, pos: QPoint) -> bool:
        """The words count as well."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the box, ticked or not, and the words."""
        painter = QPainter(self)
        box = _begin(painter, self)
        painter.drawRoundedRect(box, 4, 4)
        if self.isChecked():
            pen = QPen(_colour(self, QPalette.ColorRole.HighlightedText), 2)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPolyline([box.topLeft() + QPointF(-1, -1) + point for point in TICK])
        painter.end()


class Radio(QRadioButton):
    """One of several."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        _may_break(self)

    def sizeHint(self) -> QSize:
        """One line."""
        return _one_line(self)

    def minimumSizeHint(self) -> QSize:
        """Some words a line."""
        return _least(self)

    def hasHeightForWidth(self) -> bool:
        """It breaks."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many lines as it takes."""
        return _height(self, width)

    def hitButton(self, pos: QPoint) -> bool:
        """The words count as well."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the circle, full or not, and the words."""
        painter = QPainter(self)
        circle = _begin(painter, self)
        painter.drawEllipse(circle)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_colour(self, QPalette.ColorRole.HighlightedText))
            painter.drawEllipse(circle.center(), 3, 3)
        painter.end()


def _may_break(button: QAbstractButton) -> None:
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    button.setSizePolicy(policy)


def _one_line(button: QAbstractButton) -> QSize:
    metrics = button.fontMetrics()
    words = metrics.size(0, button.text()).width()
    return QSize(MARK + GAP + words + 2 * MARGIN, max(MARK, metrics.height()) + 2 * MARGIN)


def _least(button: QAbstractButton) -> QSize:
    hint = _one_line(button)
    return QSize(min(hint.width(), MARK + GAP + LEAST_WORDS), hint.height())


def _height(button: QAbstractButton, width: int) -> int:
    return max(MARK, _words(button, width).height()) + 2 * MARGIN


def _words(button: QAbstractButton, width: int) -> QRect:
    left = MARK + GAP
    room = QRect(left, MARGIN, max(1, width - left - MARGIN), 10_000)
    return button.fontMetrics().boundingRect(room, int(FLAGS), button.text())


def _colour(button: QAbstractButton, role: QPalette.ColorRole) -> QColor:
    if not button.isEnabled() and role in {QPalette.ColorRole.Highlight, QPalette.ColorRole.WindowText}:
        role = QPalette.ColorRole.PlaceholderText
    # Not the button's own: a style sheet makes a faint one of the text's colour.
    return QGuiApplication.palette().color(role)


def _begin(painter: QPainter, button: QAbstractButton) -> QRectF:
    """Draw the words and the focus; set pen and brush for the mark, whose place is returned."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    words = _words(button, button.width())
    painter.setPen(_colour(button, QPalette.ColorRole.WindowText))
    painter.drawText(words, int(FLAGS), button.text())
    accent = _colour(button, QPalette.ColorRole.Highlight)
    if button.hasFocus():
        painter.setPen(QPen(accent, 2))
        painter.drawRoundedRect(QRectF(words).adjusted(-4, -2, 3, 2), 4, 4)
    on = button.isChecked()
    painter.setPen(QPen(accent if on else _colour(button, QPalette.ColorRole.PlaceholderText), OUTLINE))
    painter.setBrush(accent if on else _colour(button, QPalette.ColorRole.Base))
    top = MARGIN + max(0, (button.fontMetrics().height() - MARK) / 2)
    return QRectF(1, top + 1, MARK - 2, MARK - 2)
