"""The look in use: palette and style sheet, made of a theme and of the system's own font."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from desktop.ui.colours import DARK, LIGHT, Theme
from desktop.ui.stylesheet import stylesheet


class Appearance(QObject):
    """The look in use. Follows the system unless a choice is made; tells whoever paints for himself."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._choice = "system"
        self.theme = LIGHT
        font = QFont(app.font())
        font.setFeature(QFont.Tag("tnum"), 1)
        app.setFont(font)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)

    def choose(self, choice: str) -> None:
        """`light`, `dark`, or anything else for what the system says."""
        self._choice = choice
        self._apply()

    def _apply(self) -> None:
        system_dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
        dark = self._choice == "dark" or (self._choice != "light" and system_dark)
        self.theme = DARK if dark else LIGHT
        self._app.setPalette(palette(self.theme))
        self._app.setStyleSheet(stylesheet(self.theme, base_pt=self._app.font().pointSizeF()))
        self.changed.emit()


def palette(theme: Theme) -> QPalette:
    """All roles: a style sheet alone leaves headers, dialogs and disabled text in the system's colours."""
    colours = QPalette()
    role = QPalette.ColorRole
    for name, colour in (
        (role.Window, theme.page),
        (role.WindowText, theme.text),
        (role.Base, theme.surface),
        (role.AlternateBase, theme.page),
        (role.Text, theme.text),
        (role.Button, theme.surface),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.bad),
        (role.ToolTipBase, theme.surface),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.Light, theme.raised),
        (role.Midlight, theme.raised),
        (role.Mid, theme.border),
        (role.Dark, theme.border),
        (role.Shadow, theme.border),
    ):
        colours.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        colours.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.muted))
    return colours
