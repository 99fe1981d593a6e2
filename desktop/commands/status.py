"""`hearth status`: what the node is doing, and today."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from desktop.commands.calendar import day_edges
from desktop.commands.console import UNKNOWN, Console, clock, share
from desktop.compose import Composition


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""
    del parser


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print the state with its reason and today's numbers. Exit status 0 also when nothing runs."""
    del arguments
    now_ms = home.now_ms()
    start, end = day_edges(datetime.now(tz=UTC).astimezone(), 1)
    with home.report() as report:
        current = report.current(now_ms)
        today = report.summary(start, end, now_ms)
        funds = report.funds()
    document = {
        "state": current.state.value if current else None,
        "reason": current.reason.value if current else None,
        "detail": current.detail if current else "",
        "since_ms": current.start_ms if current else None,
        "today": {
            "earned_msat": today.totals.earned.msat,
            "jobs": {state.value: count for state, count in today.totals.jobs.items()},
            "tokens": today.totals.usage.total_tokens,
            "uptime": today.uptime,
        },
        "earned_msat": funds.earned.msat,
        "spendable_msat": funds.spendable.msat,
        "held_msat": funds.held.msat,
        "owed_msat": funds.owed.msat,
    }
    console.document(document)
    if current is None:
        console.say("This node never ran. `hearth node` starts it.")
        return 0
    console.say(f"{current.state.value.capitalize()} · {current.reason.value}, since {clock(current.start_ms)}")
    if current.detail:
        console.say(f"  {current.detail}")
    jobs = ", ".join(f"{count} {state.value}" for state, count in today.totals.jobs.items()) or UNKNOWN
    console.say()
    console.say(f"  Today     {today.totals.earned}")
    console.say(f"  Jobs      {jobs}")
    console.say(f"  Uptime    {share(today.uptime)} of today as far as it is known")
    console.say(f"  To spend  {funds.spendable}")
    return 0
