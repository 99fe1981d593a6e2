"""One job in full, with its receipt."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.control.answers import JobAnswer, Refusal, Result
from desktop.control.messages import ReadJob
from desktop.control.snapshot import JobLine
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.joblines import model_names
from desktop.ui.pages.page import House, Scrolled
from desktop.ui.parts.label import label
from desktop.ui.parts.screen import resize_within_screen

WIDTH: Final = 520
RECEIPT_LINES: Final = 13
AROUND_LINES: Final = 20  # border, padding, and the document's own margin


class JobDetail(QDialog):
    """Asks for the job as it opens."""

    def __init__(self, house: House, job_id: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Job"))
        self._house = house
        inside = Scrolled()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(24, 20, 24, 6)
        self._column.setSpacing(12)
        self._wait = label(tr("Reading the ledger…"), "hint", wrap=True)
        self._column.addWidget(self._wait)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._buttons = QHBoxLayout()
        self._buttons.setContentsMargins(24, 6, 24, 20)
        self._buttons.setSpacing(8)
        self._buttons.addStretch()
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        self._buttons.addWidget(close)
        close.setFocus()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addLayout(self._buttons)
        resize_within_screen(self, QSize(WIDTH, WIDTH))
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
            (tr("Model"), self._model_name(job.model_id)),
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
        self._column.addStretch(1)
        # What was put into it counts from the next turn on.
        QTimer.singleShot(0, self, self._fit)

    def _fit(self) -> None:
        """As tall as what is in it, or as the screen."""
        inside = self._column.heightForWidth(WIDTH)
        resize_within_screen(self, QSize(WIDTH, inside + self._buttons.sizeHint().height()))

    def _model_name(self, model_id: str) -> str:
        """The name, where the model is still offered."""
        snapshot = self._house.door.snapshot
        return model_id if snapshot is None else model_names(snapshot.models).get(model_id, model_id)

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
            text.setFixedHeight(text.fontMetrics().lineSpacing() * RECEIPT_LINES + AROUND_LINES)
            self._column.addWidget(text)
            copy = QPushButton(tr("Copy receipt"))
            copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(receipt.body))
            self._buttons.insertWidget(1, copy)
