"""One job in full, with its receipt."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from desktop.control.answers import JobAnswer, Refusal, Result
from desktop.control.messages import ReadJob
from desktop.control.snapshot import JobLine
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label


class JobDetail(QDialog):
    """Asks for the job as it opens."""

    def __init__(self, house: House, job_id: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Job"))
        self.setMinimumWidth(520)
        self._house = house
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(24, 20, 24, 20)
        self._column.setSpacing(12)
        self._wait = label(tr("Reading the ledger…"), "hint")
        self._column.addWidget(self._wait)
        house.door.ask(lambda number: ReadJob(id=number, job_id=job_id), self._show, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._wait.setText(wording.refusal_words(refusal))

    def _show(self, answer: Result) -> None:
        if not isinstance(answer, JobAnswer):
            return
        self._wait.hide()
        job, now = answer.job, self._house.now_ms()
        self._column.addWidget(label(wording.job_word(job.state), "section"))
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(8)
        ended = job.finished_at_ms is not None
        waited = None if answer.first_token_at_ms is None else answer.first_token_at_ms - job.accepted_at_ms
        took = None if job.finished_at_ms is None else job.finished_at_ms - job.accepted_at_ms
        for name, value in (
            (tr("Reward"), formats.money(job.charged_msat) if ended else formats.UNKNOWN),
            (tr("Set aside for it"), formats.money(answer.held_msat)),
            (tr("Model"), job.model_id),
            (tr("Kind"), wording.kind_word(job.kind)),
            (tr("Paid with"), tr("a token") if answer.payment == "token" else tr("a session key")),
            (tr("Accepted"), formats.moment(job.accepted_at_ms, now)),
            (tr("First token after"), formats.span(waited)),
            (tr("Took"), formats.span(took)),
            (tr("Prompt tokens"), formats.number(job.prompt_tokens if ended else None)),
            (tr("Answered tokens"), formats.number(job.completion_tokens if ended else None)),
            (tr("Ended because"), wording.ending_words(job.reason) or formats.UNKNOWN),
            (tr("Job id"), job.id),
        ):
            form.addRow(label(name, "hint"), label(value, wrap=True, selectable=True))
        self._column.addLayout(form)
        self._show_receipt(answer)
        self.adjustSize()

    def _no_receipt(self, job: JobLine) -> str:
        if job.finished_at_ms is None:
            return tr("A receipt is signed when the job ends.")
        return tr("No receipt was kept for this job.")

    def _show_receipt(self, answer: JobAnswer) -> None:
        self._column.addWidget(label(tr("Receipt"), "section"))
        if answer.receipt is None:
            self._column.addWidget(label(self._no_receipt(answer.job), "hint", wrap=True))
        else:
            receipt = answer.receipt
            verdict = (
                label(tr("✓ The signature holds: this is what the node signed, unchanged."), "good", wrap=True)
                if receipt.valid
                else label(tr("✕ The signature does not hold: the ledger was changed."), "bad", wrap=True)
            )
            self._column.addWidget(verdict)
            text = QPlainTextEdit(f"{receipt.body}\n\n{tr('Signature')}: {receipt.signature}")
            text.setReadOnly(True)
            text.setAccessibleName(tr("Receipt"))
            text.setTabChangesFocus(True)
            text.setFixedHeight(130)
            self._column.addWidget(text)
        row = QHBoxLayout()
        row.addStretch()
        if answer.receipt is not None:
            copy = QPushButton(tr("Copy receipt"))
            body = answer.receipt.body
            copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(body))
            row.addWidget(copy)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        row.addWidget(close)
        self._column.addLayout(row)
        close.setFocus()
