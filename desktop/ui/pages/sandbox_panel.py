"""Whether the sandbox holds: one button lets a harmless program try to break out, and every refusal is shown."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QPushButton

from desktop.control.answers import Attempt, BreakOutAnswer, Refusal, Result
from desktop.control.messages import BreakOut
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label, restyle
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Row, Table

MOST_ROWS = 30


class SandboxPanel(Panel):
    """Nothing is tried before the button is pressed; a trial takes seconds and touches no work."""

    def __init__(self, house: House) -> None:
        self._button = QPushButton(tr("Try to break out"))
        super().__init__(tr("Sandbox"), self._button)
        self._house = house
        self._button.clicked.connect(self._try)
        self._verdict = label(
            tr(
                "What answers requests is shut in. The button starts a harmless program in the same sandbox, which"
                " tries to get out; each attempt should be refused."
            ),
            "hint",
            wrap=True,
        )
        self._progress = QProgressBar()
        self._progress.setRange(0, 0)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("The attempts to break out are running"))
        columns = (
            Column(tr("Attempt"), share=30),
            Column(tr("Should be"), share=16, rank=1),
            Column(tr("Was"), share=22),
            Column(tr("Verdict"), share=10, whole=True),
        )
        self._attempts = Table(tr("Attempts to break out"), columns, house.appearance, wrap=True)
        self._mode = label("", wrap=True)
        self._limits = label("", "hint", wrap=True)
        for part in (self._verdict, self._progress, self._mode, self._attempts, self._limits):
            self.body.addWidget(part)
        for hidden in (self._progress, self._mode, self._attempts, self._limits):
            hidden.hide()

    def _try(self) -> None:
        self._button.setEnabled(False)
        self._progress.show()
        self._say(tr("Trying to break out. This takes some seconds…"))
        self._house.door.ask(lambda number: BreakOut(id=number), self._show, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._rest()
        for told in (self._mode, self._attempts, self._limits):
            told.hide()  # of an earlier time: it might be read as if it held now
        self._verdict.setText(wording.refusal_words(refusal))
        restyle(self._verdict, "bad")

    def _show(self, answer: Result) -> None:
        self._rest()
        if not isinstance(answer, BreakOutAnswer):
            return
        self._verdict.setText(verdict_words(answer))
        restyle(self._verdict, "good" if answer.held else "bad")
        self._mode.setText(tr(answer.mode))
        self._attempts.rows.show_rows([attempt_row(place, each) for place, each in enumerate(answer.attempts)])
        self._attempts.fit_rows(MOST_ROWS)
        self._limits.setText("\n".join(limit_lines(answer)))
        for told in (self._mode, self._attempts, self._limits):
            told.show()

    def _say(self, words: str) -> None:
        self._verdict.setText(words)
        restyle(self._verdict, "hint")

    def _rest(self) -> None:
        self._progress.hide()
        self._button.setEnabled(True)
        self._button.setText(tr("Try again"))


def verdict_words(answer: BreakOutAnswer) -> str:
    """Whether it held, in a sentence; if not, what to do."""
    count = formats.number(len(answer.attempts))
    if answer.held:
        return tr("✓ It holds: all {count} attempts and looks came out as they should.").format(count=count)
    failed = formats.number(sum(not each.held for each in answer.attempts))
    return tr(
        "✕ It does not hold: {failed} of {count} came out otherwise. No request is answered in such a sandbox. Update"
        " the system, then try again; please report it if it stays so."
    ).format(failed=failed, count=count)


def attempt_row(place: int, attempt: Attempt) -> Row:
    """One attempt with its outcome; a refusal is told with what the system said, in its own words."""
    verdict = tr("✓ held") if attempt.held else tr("✕ does not hold")
    cells = (tr(attempt.name), tr(attempt.expected), outcome_words(attempt.outcome), verdict)
    return Row(f"{place} {attempt.name}", cells, "good" if attempt.held else "bad")


def outcome_words(outcome: str) -> str:
    """How an attempt ended."""
    word, colon, why = outcome.partition(": ")
    return tr(word) + colon + why


def limit_lines(answer: BreakOutAnswer) -> list[str]:
    """What nothing would keep in, and why no stronger way is used."""
    lines = []
    if answer.not_covered:
        lines.append(tr("Not covered: {list}.").format(list="; ".join(map(tr, answer.not_covered))))
    lines += [tr("Not available here: {mode}").format(mode=each) for each in answer.not_available]
    return lines
