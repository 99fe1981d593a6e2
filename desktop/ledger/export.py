"""The owner's records as files: CSV for a spreadsheet, JSON for a program; a million rows in little memory.

No secret and no buyer leaves: neither accounts nor references are part of an export. Times are UTC milliseconds,
money is millisats.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, TextIO

from desktop.domain.job import Job

FIELDS: Final = (
    "id",
    "kind",
    "model_id",
    "payment",
    "state",
    "reason",
    "accepted_at_ms",
    "started_at_ms",
    "first_token_at_ms",
    "finished_at_ms",
    "prompt_tokens",
    "completion_tokens",
    "held_msat",
    "charged_msat",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Format(StrEnum):
    """What a file of records may look like."""

    CSV = "csv"
    JSON = "json"


def export_jobs(jobs: Iterable[Job], out: TextIO, form: Format) -> int:
    """Write jobs to an open text file (opened with `newline=""`); returns how many.

    In CSV, text that a spreadsheet would take for a formula gets an apostrophe in front. JSON is one array with one
    object a line.
    """
    rows = map(row_of, jobs)
    return _write_csv(rows, out) if form is Format.CSV else _write_json(rows, out)


def row_of(job: Job) -> dict[str, str | int | None]:
    """A job as its owner may show it; the keys are FIELDS."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "model_id": job.model_id,
        "payment": job.payment.value,
        "state": job.state.value,
        "reason": job.reason,
        "accepted_at_ms": job.accepted_at_ms,
        "started_at_ms": job.started_at_ms,
        "first_token_at_ms": job.first_token_at_ms,
        "finished_at_ms": job.finished_at_ms,
        "prompt_tokens": job.usage.prompt_tokens,
        "completion_tokens": job.usage.completion_tokens,
        "held_msat": job.held.msat,
        "charged_msat": job.charged.msat,
    }


def _write_csv(rows: Iterator[dict[str, str | int | None]], out: TextIO) -> int:
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    count = 0
    for row in rows:
        writer.writerow([_harmless(row[name]) for name in FIELDS])
        count += 1
    return count


def _write_json(rows: Iterator[dict[str, str | int | None]], out: TextIO) -> int:
    out.write("[")
    count = 0
    for row in rows:
        out.write(",\n" if count else "\n")
        out.write(json.dumps(row, ensure_ascii=True))
        count += 1
    out.write("\n]\n")
    return count


def _harmless(cell: str | int | None) -> str | int | None:
    # A spreadsheet runs what looks like a formula, and skips spaces before it.
    if isinstance(cell, str) and (cell.startswith(("\t", "\r", "\n")) or cell.lstrip().startswith(_FORMULA_STARTS)):
        return f"'{cell}"
    return cell
