"""Why am I (not) earning? The hours by reason, the checks of this computer, and a report to send."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton

from desktop.control.answers import CheckSheet, DoctorAnswer, Refusal, Result, TextAnswer, WhyAnswer, WhyPart
from desktop.control.messages import ReadReport, ReadWhy, RunDoctor
from desktop.control.snapshot import Snapshot
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.sandbox_panel import SandboxPanel
from desktop.ui.parts.label import label, restyle
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Row, Table


class DiagnosticsPage(Page):
    """Time by reason, doctor, sandbox, problem report, each in a panel."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Diagnostics"))
        self._house = house
        self._now = label("", "strong", wrap=True)
        self._advice = label("", wrap=True)
        columns = (
            Column(tr("State"), share=8),
            Column(tr("Reason"), share=20),
            Column(tr("Last day"), right=True, share=12),
            Column(tr("Last week"), right=True, share=12, rank=1),
        )
        self._reasons = Table(tr("Time by reason"), columns, house.appearance, wrap=True)
        why = Panel(tr("Why am I earning or not?"))
        why.body.addWidget(self._now)
        why.body.addWidget(self._advice)
        why.body.addWidget(label(tr("The last day and week, by reason:"), "hint"))
        why.body.addWidget(self._reasons)
        self.column.addWidget(why)
        if "doctor" in house.door.words:
            self.column.addWidget(self._doctor_panel())
        if "breakout" in house.door.words:
            self.column.addWidget(SandboxPanel(house))
        if "report" in house.door.words:
            self.column.addWidget(self._report_panel())
        self.column.addStretch(1)

    def enter(self) -> None:
        """Ask for the reasons and run the doctor."""
        if "why" in self._house.door.words:
            self._house.door.ask(lambda number: ReadWhy(id=number), self._show_why)
        if "doctor" in self._house.door.words:
            self._run_doctor()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the state of this moment."""
        if parts & {"status", "models"}:
            detail = snapshot.status.detail
            line = wording.status_line(snapshot, self._house.now_ms())
            self._now.setText(f"{line}\n{detail}" if detail else line)

    def _show_why(self, answer: Result) -> None:
        if not isinstance(answer, WhyAnswer):
            return
        sentences = [wording.told(each.text, each.values) for each in answer.sentences[1:]]
        if answer.advice is not None:
            sentences.append("→ " + wording.told(answer.advice.text, answer.advice.values))
        self._advice.setText("\n".join(sentences))
        day = {(part.state, part.reason): part for part in answer.day.parts}
        rows = [
            Row(
                f"{part.state} {part.reason}",
                (
                    wording.state_word(part.state),
                    wording.reason_words(part.reason),
                    _time(day.get((part.state, part.reason))),
                    _time(part),
                ),
            )
            for part in answer.week.parts
        ]
        self._reasons.rows.show_rows(rows)
        self._reasons.fit_rows(10)

    def _doctor_panel(self) -> Panel:
        columns = (
            Column(tr("Check"), share=12),
            Column(tr("Found"), share=24),
            Column(tr("Needed"), share=20, rank=1),
            Column(tr("Verdict"), share=10, whole=True),
        )
        self._checks = Table(tr("Checks of this computer"), columns, self._house.appearance, wrap=True)
        self._verdict = label(tr("Checking…"), "hint", wrap=True)
        again = QPushButton(tr("Check again"))
        again.clicked.connect(self._run_doctor)
        panel = Panel(tr("This computer"), again)
        panel.body.addWidget(self._verdict)
        panel.body.addWidget(self._checks)
        return panel

    def _run_doctor(self) -> None:
        restyle(self._verdict, "hint")
        self._verdict.setText(tr("Checking…"))
        self._house.door.ask(lambda number: RunDoctor(id=number), self._show_checks, self._doctor_failed)

    def _doctor_failed(self, refusal: Refusal) -> None:
        self._verdict.setText(wording.refusal_words(refusal))

    def _show_checks(self, answer: Result) -> None:
        if not isinstance(answer, DoctorAnswer):
            return
        failed = [check for check in answer.checks if check.passed is False]
        if failed:
            lines = [f"✕ {_title(check)}: {wording.told(check.remedy, check.values)}" for check in failed]
            self._verdict.setText("\n".join(lines))
            restyle(self._verdict, "bad")
        else:
            restyle(self._verdict, "good")
            self._verdict.setText(tr("✓ Everything that was checked is well."))
        self._checks.rows.show_rows([_check_row(check) for check in answer.checks])
        self._checks.fit_rows(20)

    def _report_panel(self) -> Panel:
        self._report = QPlainTextEdit()
        self._report.setReadOnly(True)
        self._report.setTabChangesFocus(True)
        self._report.setAccessibleName(tr("Problem report"))
        self._report.setMinimumHeight(160)
        self._report.hide()
        write = QPushButton(tr("Show report"))
        copy = QPushButton(tr("Copy"))
        copy.hide()
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._report.toPlainText()))

        def show(answer: Result) -> None:
            if isinstance(answer, TextAnswer):
                self._report.setPlainText(answer.text)
                self._report.show()
                copy.show()

        def refuse(refusal: Refusal) -> None:
            self._report.setPlainText(wording.refusal_words(refusal))
            self._report.show()

        write.clicked.connect(lambda: self._house.door.ask(lambda number: ReadReport(id=number), show, refuse))
        panel = Panel(tr("Problem report"))
        panel.body.addWidget(
            label(
                tr(
                    "A text about this computer and what went wrong, without keys, prompts or answers. You see all of"
                    " it before you send it to anyone; Hearth sends nothing by itself."
                ),
                "hint",
                wrap=True,
            )
        )
        panel.body.addWidget(self._report)
        row = QHBoxLayout()
        row.addWidget(write)
        row.addWidget(copy)
        row.addStretch()
        panel.body.addLayout(row)
        return panel


def _time(part: WhyPart | None) -> str:
    if part is None:
        return ""
    return tr("{length} · {percent} %").format(
        length=formats.span(part.duration_ms), percent=formats.percent(part.share)
    )


def _check_row(check: CheckSheet) -> Row:
    verdicts = {True: tr("✓ well"), False: tr("✕ not enough"), None: tr("? not known")}
    moods = {True: "good", False: "bad", None: "text"}
    found, needed = (wording.told(text, check.values) for text in (check.value, check.threshold))
    title = _title(check)
    return Row(title, (title, found, needed, verdicts[check.passed]), moods[check.passed])


def _title(check: CheckSheet) -> str:
    return f"{tr(check.name)} {check.subject}".strip()
