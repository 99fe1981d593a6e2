"""Jobs as rows of a table, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from desktop.control.snapshot import JobLine, OfferedModel
from desktop.domain.job import JobState
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.parts.table import Column, Row

COLOURS: Final = {
    JobState.ACCEPTED: "muted",
    JobState.RUNNING: "accent",
    JobState.COMPLETED: "good",
    JobState.CANCELLED: "muted",
    JobState.FAILED: "bad",
}


def job_columns() -> tuple[Column, ...]:
    """The headings."""
    return (
        Column(tr("Time"), share=12, whole=True),
        Column(tr("Model"), share=20),
        Column(tr("Kind"), share=10, rank=3),
        Column(tr("Tokens"), right=True, share=8, rank=2),
        Column(tr("Took"), right=True, share=9, rank=1),
        Column(tr("Reward"), right=True, share=11),
        Column(tr("State"), share=15),
    )


def job_row(job: JobLine, names: dict[str, str], now_ms: int) -> Row:
    """A job's row. What a job has not got yet is unknown, not zero."""
    ended = job.finished_at_ms is not None
    paid = ended and job.charged_msat > 0
    tokens = job.prompt_tokens + job.completion_tokens
    took = None if job.finished_at_ms is None else max(0, job.finished_at_ms - job.accepted_at_ms)
    word = wording.job_word(job.state)
    if job.state is JobState.CANCELLED and paid:
        word = tr("✓ Cancelled, part paid")
    return Row(
        key=job.id,
        cells=(
            formats.moment(job.finished_at_ms or job.accepted_at_ms, now_ms),
            names.get(job.model_id, job.model_id),
            wording.kind_word(job.kind),
            formats.number(tokens or None),
            formats.span(took),
            formats.money(job.charged_msat) if paid else formats.UNKNOWN,
            word,
        ),
        colour=COLOURS[job.state],
    )


def model_names(models: Sequence[OfferedModel]) -> dict[str, str]:
    """Names by id."""
    return {model.id: model.name for model in models}
