"""One sentence above the page, with at most one button: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from desktop.ui.parts.label import label


class Banner(QFrame):
    """Hidden until there is something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(12)
        self._words = label("", "", wrap=True)
        self._button = QPushButton()
        self._button.clicked.connect(self._press)
        self._act: Callable[[], None] | None = None
        row.addWidget(self._words, 1)
        row.addWidget(self._button)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown, empty if hidden."""
        return self._words.text() if not self.isHidden() else ""

    def say(self, words: str, button: str = "", act: Callable[[], None] | None = None) -> None:
        """Show a sentence; an empty one hides the banner."""
        self._words.setText(words)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._act = act
        self.setAccessibleName(words)
        self.setVisible(bool(words))

    def _press(self) -> None:
        if self._act is not None:
            self._act()
