"""What came of trying to break out of the sandbox, in the door's words."""

from __future__ import annotations

from desktop.control.answers import Attempt, BreakOutAnswer
from desktop.worker.sandbox.check import SandboxReport


def break_out_answer(report: SandboxReport) -> BreakOutAnswer:
    """Each attempt with its outcome, and what no attempt was made at because nothing would keep it in."""
    return BreakOutAnswer(
        mode=report.mode.in_words,
        held=report.passed,
        attempts=tuple(
            Attempt(name=line.name, expected=line.expected, outcome=line.outcome, held=line.passed)
            for line in report.lines
        ),
        not_covered=report.mode.not_covered,
        not_available=tuple(f"{mode.value}: {why}" for mode, why in report.not_available.items()),
    )
