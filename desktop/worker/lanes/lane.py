"""What every lane can do, whatever its model makes."""

from __future__ import annotations

from typing import Protocol

from desktop.domain.errors import RequestError
from desktop.domain.inference import Delta, Embeddings, Finish
from desktop.worker.engine.engine import EngineStats

Output = Delta | Finish | Embeddings


class Lane(Protocol):
    """One model's jobs, moved on by `step`."""

    def cancel(self, job_id: str) -> Finish | None:
        """Drop the job now; its last word, or None if this lane does not (or no longer) know it."""

    def step(self) -> list[tuple[str, Output]]:
        """One engine step, and what it brought for which job."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""

    def stats(self) -> EngineStats:
        """Numbers for the status line."""


def require_unicode(text: str, parameter: str) -> None:
    """RequestError if `text` holds half a surrogate pair, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError(f"The field {parameter} is not valid Unicode.", parameter=parameter) from None
