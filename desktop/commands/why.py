"""`hearth why`: why this computer earns or does not, in sentences, and its last day and week by reason."""

from __future__ import annotations

import argparse

from desktop.commands.console import Console, share
from desktop.compose import Composition
from desktop.domain.told import Told, span
from desktop.domain.why import Part, Span
from desktop.node.looking_back import look_back


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""
    del parser


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print the answer; works whether or not a node runs."""
    del arguments
    with home.report() as report:
        why = look_back(report, home.now_ms())
    console.document(
        {
            "sentences": [_document(each) for each in why.sentences],
            "advice": None if why.advice is None else _document(why.advice),
            "day": _span(why.day),
            "week": _span(why.week),
        }
    )
    for sentence in why.sentences:
        console.say(str(sentence))
    if why.advice is not None:
        console.say(f"→ {why.advice}")
    if why.week.parts:
        console.say()
        rows = [_row(part, why.day) for part in why.week.parts]
        console.table(("state", "reason", "last day", "share", "last week", "share"), rows)
    return 0


def _row(week: Part, day: Span) -> tuple[str, ...]:
    """One reason, in the week and in the day."""
    today = next((part for part in day.parts if (part.state, part.reason) == (week.state, week.reason)), None)
    in_day = ("", "") if today is None else (span(today.duration_ms), share(today.share))
    return (week.state.value, week.reason.value, *in_day, span(week.duration_ms), share(week.share))


def _document(told: Told) -> dict[str, object]:
    return {"text": str(told), "template": told.text, "values": dict(told.values)}


def _span(past: Span) -> dict[str, object]:
    return {
        "known_share": past.known_share,
        "jobs": past.work.jobs,
        "failed": past.work.failed,
        "earned_msat": past.work.earned.msat,
        "parts": [
            {
                "state": part.state.value,
                "reason": part.reason.value,
                "duration_ms": part.duration_ms,
                "share": part.share,
            }
            for part in past.parts
        ],
    }
