"""The uptime strip: colour and height say the same, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.parts.label import label
from desktop.ui.parts.pill import Dot, mood_colour
from desktop.ui.theme import Appearance
from desktop.ui.wording import Mood

STRIP: Final = 34
HEIGHTS: Final = {Mood.EARNING: 1.0, Mood.READY: 0.66, Mood.PAUSED: 0.42, Mood.OFF: 0.2}
UNRECORDED: Final = 0.06


class UptimeStrip(QWidget):
    """Cells from left (oldest) to right (now), and evenly spaced time marks below."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._cells: tuple[Mood | None, ...] = ()
        self._marks: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(STRIP + 8 + self.fontMetrics().height())
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr("Uptime"))
        appearance.changed.connect(self.update)

    def show_cells(
        self, name: str, cells: Sequence[Mood | None], marks: Sequence[str], shares: Mapping[Mood, float]
    ) -> None:
        """Show cells with their time marks; `shares` is what a screen reader says."""
        self._cells, self._marks = tuple(cells), tuple(marks)
        told = ", ".join(
            tr("{percent} % {mood}").format(percent=formats.percent(share), mood=wording.mood_word(mood))
            for mood, share in sorted(shares.items(), key=lambda item: -item[1])
        )
        self.setAccessibleName(name)
        self.setAccessibleDescription(told or tr("Nothing recorded yet"))
        self.setToolTip(self.accessibleDescription())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw cells and marks."""
        theme = self._appearance.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self.width() / max(1, len(self._cells))
        for index, mood in enumerate(self._cells):
            tall = STRIP * (UNRECORDED if mood is None else HEIGHTS[mood])
            gap = min(0.75, width / 6)
            box = QRectF(index * width + gap, STRIP - tall, width - 2 * gap, tall)
            shape = QPainterPath()
            shape.addRoundedRect(box, 1.5, 1.5)
            painter.fillPath(shape, QColor(theme.border if mood is None else mood_colour(theme, mood)))
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        painter.setFont(font)
        painter.setPen(QColor(theme.muted))
        metrics = QFontMetricsF(font)
        for index, text in enumerate(self._marks):
            wide = metrics.horizontalAdvance(text)
            middle = self.width() * index / max(1, len(self._marks) - 1)
            painter.drawText(
                QRectF(min(max(middle - wide / 2, 0), self.width() - wide), STRIP + 6, wide + 1, metrics.height()),
                Qt.AlignmentFlag.AlignLeft,
                text,
            )
        if self.hasFocus():
            painter.setPen(QColor(theme.accent))
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, STRIP - 1))
        painter.end()


class Legend(QWidget):
    """What the colours and heights of the strip mean."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for mood in Mood:
            dot = Dot(appearance)
            dot.show_mood(mood)
            row.addWidget(dot)
            row.addWidget(label(wording.mood_word(mood), "hint"))
            row.addSpacing(6)
        row.addStretch()
