"""How commands speak: tables for people, JSON for programs, errors with advice."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from desktop.domain.errors import HearthError
from desktop.domain.money import Money

UNKNOWN: Final = "—"

Json = Mapping[str, Any] | Sequence[Any]


class Console:
    """One command's output. With `as_json`, standard output carries JSON only, one document a line."""

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        self._err = err or sys.stderr

    def say(self, text: str = "") -> None:
        """A line for a person; silent where a program reads."""
        if not self.as_json:
            print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Progress or advice, never part of the result."""
        print(text, file=self._err, flush=True)

    def document(self, document: Json) -> None:
        """A result for a program; silent where a person reads."""
        if self.as_json:
            self.line(document)

    def line(self, document: Json) -> None:
        """One JSON document on a line of its own, for whoever reads."""
        print(json.dumps(document, ensure_ascii=False, separators=(", ", ": ")), file=self._out, flush=True)

    def write(self, text: str) -> None:
        """Part of a line, at once: an answer as it comes."""
        self._out.write(text)
        self._out.flush()

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as they need to be; numbers to the right."""
        lines = [list(head), *(list(row) for row in rows)]
        columns = list(zip(*lines, strict=True))
        widths = [max(map(len, column)) for column in columns]
        numeric = [all(map(_is_number, column[1:])) for column in columns]
        for line in lines:
            padded = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ]
            self.say("  " + "  ".join(padded).rstrip())

    def failure(self, error: HearthError) -> None:
        """What happened, why, and what to do now, on standard error."""
        if self.as_json:
            document = {"error": {"what": error.what, "why": error.why, "now": error.now}}
            print(json.dumps(document, ensure_ascii=False), file=self._err, flush=True)
            return
        self.note(f"hearth: {error.what}")
        for part in (error.why, error.now):
            if part:
                self.note(f"  {part}")


def sats(amount: Money) -> str:
    """An amount for a table: whole sats where it is whole, else to the millisat."""
    return str(amount).removesuffix(" sat")


def clock(at_ms: int | None) -> str:
    """A moment in local time, or unknown."""
    if at_ms is None:
        return UNKNOWN
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def share(part: float) -> str:
    """A fraction as a percentage."""
    return f"{part * 100:.1f} %"


def _is_number(cell: str) -> bool:
    return cell == UNKNOWN or (bool(cell) and cell.replace(",", "").replace(".", "").replace(" %", "").isdecimal())
