"""`hearth earnings`: what was earned, per day, hour or model."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from desktop.commands.calendar import day_edges, hour_edges
from desktop.commands.console import Console, clock, sats
from desktop.compose import Composition
from desktop.domain.job import JobState
from desktop.ledger.report import Report, Totals


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--by", choices=("day", "hour", "model"), default="day", help="how to group (default: day)")
    parser.add_argument("--days", type=int, default=30, metavar="N", help="how many days back (default: 30)")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print a table, or one JSON document."""
    now = datetime.now(tz=UTC).astimezone()
    edges = day_edges(now, max(1, min(arguments.days, 3660)))
    with home.report() as report:
        if arguments.by == "model":
            _by_model(report, edges, console)
        else:
            hours = arguments.by == "hour"
            _by_time(report, hour_edges(home.now_ms(), 24) if hours else edges, console, hours=hours)
        funds = report.funds()
    console.say()
    console.say(f"  Earned in all: {funds.earned}. Yours to spend: {funds.spendable}.")
    return 0


def _by_time(report: Report, edges: list[int], console: Console, *, hours: bool) -> None:
    totals = [each for each in report.chart(edges) if each.jobs or console.as_json or each.earned]
    console.document([_document(each) for each in totals])
    if not totals:
        console.say("Nothing was earned in this time. `hearth status` says what the node is doing.")
        return
    head = ("from", "earned (sat)", "jobs", "failed", "tokens")
    console.table(head, [_row(each, hours=hours) for each in totals])


def _row(totals: Totals, *, hours: bool) -> tuple[str, ...]:
    start = clock(totals.start_ms)
    return (
        start[:16] if hours else start[:10],
        sats(totals.earned),
        f"{sum(totals.jobs.values()):,}",
        f"{totals.jobs.get(JobState.FAILED, 0):,}",
        f"{totals.usage.total_tokens:,}",
    )


def _document(totals: Totals) -> dict[str, object]:
    return {
        "start_ms": totals.start_ms,
        "end_ms": totals.end_ms,
        "earned_msat": totals.earned.msat,
        "jobs": {state.value: count for state, count in totals.jobs.items()},
        "prompt_tokens": totals.usage.prompt_tokens,
        "completion_tokens": totals.usage.completion_tokens,
    }


def _by_model(report: Report, edges: list[int], console: Console) -> None:
    rows = report.by_model(edges[0], edges[-1])
    console.document(
        [
            {
                "model": row.model_id,
                "kind": row.kind.value,
                "jobs": row.jobs,
                "prompt_tokens": row.usage.prompt_tokens,
                "completion_tokens": row.usage.completion_tokens,
                "charged_msat": row.charged.msat,
            }
            for row in rows
        ]
    )
    if not rows:
        console.say("No job ended in this time.")
        return
    console.table(
        ("model", "kind", "charged (sat)", "jobs", "tokens"),
        [
            (row.model_id, row.kind.value, sats(row.charged), f"{row.jobs:,}", f"{row.usage.total_tokens:,}")
            for row in rows
        ],
    )
