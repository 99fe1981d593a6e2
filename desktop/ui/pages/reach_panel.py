"""Whether buyers reach this computer, in words, and what to do where they do not."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton

from desktop.control.answers import CheckSheet, DoctorAnswer, Refusal, Result
from desktop.control.messages import CheckReach
from desktop.ui import wording
from desktop.ui.door import Door
from desktop.ui.language import tr
from desktop.ui.parts.label import Style, label, restyle
from desktop.ui.parts.panel import Panel


class ReachPanel(Panel):
    """Asks when `check` is called, and again by its button; one question at a time."""

    def __init__(self, door: Door) -> None:
        again = QPushButton(tr("Check again"))
        super().__init__(tr("Reachability"), again)
        self._door = door
        self._again = again
        self._again.clicked.connect(self.check)
        self.body.addWidget(
            label(
                tr("Buyers dial this computer by its public key. Hearth dials itself the same way."), "hint", wrap=True
            )
        )
        self._verdict = label("", "hint", wrap=True)
        self.body.addWidget(self._verdict)

    def check(self) -> None:
        """Dial ourselves."""
        if not self._again.isEnabled():
            return
        self._again.setEnabled(False)
        self._say(tr("Checking…"), "hint")
        self._door.ask(lambda number: CheckReach(id=number), self._show, self._refuse)

    def _show(self, answer: Result) -> None:
        self._again.setEnabled(True)
        if isinstance(answer, DoctorAnswer):
            moods = {check.passed for check in answer.checks}
            mood: Style = "bad" if False in moods else "hint" if None in moods else "good"
            self._say("\n".join(_words(check) for check in answer.checks), mood)

    def _refuse(self, refusal: Refusal) -> None:
        self._again.setEnabled(True)
        self._say(wording.refusal_words(refusal), "bad")

    def _say(self, words: str, mood: Style) -> None:
        self._verdict.setText(words)
        restyle(self._verdict, mood)


def _words(check: CheckSheet) -> str:
    sign = {True: "✓", False: "✕", None: "?"}[check.passed]
    found = f"{sign} {wording.told(check.value, check.values)}"
    return f"{found}\n→ {wording.told(check.remedy, check.values)}" if check.remedy else found
