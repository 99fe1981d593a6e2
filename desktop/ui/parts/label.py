"""Text in one of the few styles there are."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

Style = Literal[
    "title", "section", "caption", "hint", "value", "unit", "strong", "brand", "good", "warn", "bad", "mono", ""
]


def label(text: str, style: Style = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label. Text is plain, always: nothing from outside may be read as markup."""
    made = QLabel(text)
    made.setObjectName(style)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        made.setAccessibleName(text)
    return made


def restyle(made: QLabel, style: Style) -> None:
    """Give a label another style; does nothing if it has it."""
    if made.objectName() != style:
        made.setObjectName(style)
        made.style().unpolish(made)
        made.style().polish(made)
