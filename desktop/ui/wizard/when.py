"""When this computer may work: the owner's answer is a setting from the moment it is given."""

from __future__ import annotations

from typing import ClassVar, Final

from desktop.control.answers import Refusal, Result, SettingsAnswer
from desktop.control.messages import ReadSettings, WriteSetting
from desktop.domain.schedule import Schedule
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.parts.when import WhenChoice
from desktop.ui.wizard.step import Step

SETTING: Final = "schedule"


class WhenStep(Step):
    """Away, always, or a week that is painted."""

    needs: ClassVar[frozenset[str]] = frozenset({"settings", "set"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("When may it work?"))
        self._house = house
        self.skippable = True
        self._choice = WhenChoice(house.appearance)
        self._choice.chosen.connect(self._write)
        self._words = label("", "warn", wrap=True)
        self.column.addWidget(
            label(
                tr(
                    "Your computer comes first. Whatever you choose, work also stops for a program that fills the"
                    " screen, on battery, and on a metered network. All of it can be changed in Settings."
                ),
                wrap=True,
            )
        )
        self.column.addWidget(self._choice)
        self.column.addWidget(self._words)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Ask what holds now."""
        self._words.setText("")
        self._house.door.ask(lambda number: ReadSettings(id=number), self._show, self._refuse)

    def _show(self, answer: Result) -> None:
        if isinstance(answer, SettingsAnswer):
            value = next((sheet.value for sheet in answer.settings if sheet.name == SETTING), None)
            if value is not None:
                self._choice.show_schedule(Schedule.parse(value))

    def _write(self, text: str) -> None:
        self._words.setText("")
        self._house.door.ask(lambda number: WriteSetting(id=number, name=SETTING, value=text), None, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._words.setText(wording.refusal_words(refusal))
