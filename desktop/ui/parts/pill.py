"""The state in one line: a dot whose shape and colour say the mood, and the words."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from desktop.ui.colours import Theme
from desktop.ui.theme import Appearance
from desktop.ui.wording import Mood

DOT: Final = 12
LEAST_WORDS: Final = 120


def mood_colour(theme: Theme, mood: Mood) -> str:
    """The colour of a mood."""
    return {Mood.EARNING: theme.good, Mood.READY: theme.idle, Mood.PAUSED: theme.warn, Mood.OFF: theme.bad}[mood]


class Dot(QWidget):
    """Full for earning, a ring for ready, two bars for paused, a cross for not working."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._mood: Mood | None = None
        self.setFixedSize(QSize(DOT, DOT))
        appearance.changed.connect(self.update)

    def show_mood(self, mood: Mood | None) -> None:
        """None while nothing is known."""
        self._mood = mood
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the shape."""
        theme = self._appearance.theme
        colour = QColor(theme.idle if self._mood is None else mood_colour(theme, self._mood))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._mood is Mood.EARNING:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(1, 1, DOT - 2, DOT - 2))
        elif self._mood is Mood.PAUSED:
            painter.fillRect(QRectF(2, 1, 3, DOT - 2), colour)
            painter.fillRect(QRectF(7, 1, 3, DOT - 2), colour)
        elif self._mood is Mood.OFF:
            painter.setPen(QPen(colour, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(2, 2), QPointF(DOT - 2, DOT - 2))
            painter.drawLine(QPointF(2, DOT - 2), QPointF(DOT - 2, 2))
        else:
            painter.setPen(QPen(colour, 2.4))
            painter.drawEllipse(QRectF(2, 2, DOT - 4, DOT - 4))
        painter.end()


class Words(QLabel):
    """One line where there is room, several where there is not; never cut."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strong")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)

    def sizeHint(self) -> QSize:
        """The whole text in one line."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 4, metrics.height())

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for a small window."""
        return QSize(min(self.sizeHint().width(), LEAST_WORDS), self.fontMetrics().height())


class Pill(QFrame):
    """Dot and words."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self.setObjectName("pill")
        policy = QSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._dot = Dot(appearance)
        self._words = Words()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 14, 5)
        row.setSpacing(8)
        row.addWidget(self._dot)
        row.addWidget(self._words, 1)

    @property
    def text(self) -> str:
        """The words shown."""
        return self._words.text()

    def show_state(self, mood: Mood | None, words: str) -> None:
        """Show a state; None while nothing is known."""
        self._dot.show_mood(mood)
        if self._words.text() != words:
            self._words.setText(words)
            self._words.updateGeometry()
            self.setAccessibleName(words)
