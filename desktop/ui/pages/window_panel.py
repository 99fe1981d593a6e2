"""The few settings that concern the window alone: its look, its language, what it tells, its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.domain.errors import HearthError
from desktop.ui.language import tr
from desktop.ui.login import LoginSwitch
from desktop.ui.pages.page import House
from desktop.ui.parts.choice import Check
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

THEMES: Final = ("system", "light", "dark")
LANGUAGES: Final = ("system", "en", "de")


class WindowPanel(Panel):
    """Every control writes at once."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Window"))
        values, file = house.preferences.values, house.preferences

        def theme(index: int) -> None:
            values.theme = THEMES[index]
            file.save()
            house.appearance.choose(values.theme)

        def language(index: int) -> None:
            values.language = LANGUAGES[index]
            file.save()

        def first(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_first_job = on
            file.save()

        def trouble(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_trouble = on
            file.save()

        def update(on: bool) -> None:  # noqa: FBT001 - Qt's signature
            values.notify_update = on
            file.save()

        looks = (tr("As the system"), tr("Light"), tr("Dark"))
        self.body.addWidget(_choice(tr("Look"), looks, THEMES.index(values.theme), theme))
        tongues = (tr("As the system"), "English", "Deutsch")
        self.body.addWidget(
            _choice(
                tr("Language, from the next start of the window"), tongues, LANGUAGES.index(values.language), language
            )
        )
        for text, on, act in (
            (tr("Tell me when the first job is paid"), values.notify_first_job, first),
            (tr("Tell me when Hearth has stopped and needs me"), values.notify_trouble, trouble),
            (tr("Tell me when a new version is there or was installed"), values.notify_update, update),
        ):
            box = Check(text)
            box.setChecked(on)
            box.toggled.connect(act)
            self.body.addWidget(box)
        if house.at_login is not None:
            self.body.addWidget(LoginBox(house.at_login))


class LoginBox(QWidget):
    """Start with the owner's session, or not; what the system refuses is said below."""

    def __init__(self, at_login: LoginSwitch) -> None:
        super().__init__()
        self._at_login = at_login
        self._box = Check(tr("Start Hearth in the tray when I log in"))
        self._words = label("", "warn", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._box)
        column.addWidget(self._words)
        self._words.hide()
        self.look()
        self._box.clicked.connect(self._switch)

    def look(self) -> None:
        """Show what is so now."""
        try:
            self._box.setChecked(self._at_login.is_on())
        except HearthError as error:
            self._say(error)

    def _switch(self, on: bool) -> None:  # noqa: FBT001 - Qt's signature
        self._words.hide()
        try:
            self._at_login.switch(on=on)
        except HearthError as error:
            self._say(error)
        self._box.setChecked(on if self._words.isHidden() else not on)

    def _say(self, error: HearthError) -> None:
        self._words.setText(" ".join(part for part in (error.what, error.why, error.now) if part))
        self._words.show()


def _choice(name: str, choices: tuple[str, ...], start: int, chosen: Callable[[int], None]) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(label(name, "hint", wrap=True))
    box = DropDown()
    box.addItems(choices)
    box.setCurrentIndex(max(0, start))
    box.setAccessibleName(name)
    box.setMaximumWidth(320)
    box.currentIndexChanged.connect(chosen)
    column.addWidget(box)
    return holder
