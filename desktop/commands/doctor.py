"""`hearth doctor`: what this computer and its network can do, each with value, threshold and remedy."""

from __future__ import annotations

import argparse
import asyncio

from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.control.address import door_in
from desktop.control.answers import CheckSheet, DoctorAnswer
from desktop.control.client import DoorClient
from desktop.control.messages import RunDoctor
from desktop.domain.check import Check
from desktop.domain.errors import HearthError, Unavailable
from desktop.economy import examine_home

MARKS = {True: "ok  ", False: "LOOK", None: "?   "}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--sandbox", action="store_true", help="show every attempt to break out, and its refusal")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print every check; exit status 1 if one of them needs attention."""
    if arguments.sandbox:
        asyncio.run(_show_attempts(home, console))
    try:
        checks = asyncio.run(_of_the_node(home))
    except Unavailable:
        console.note("No node runs: what only a running node can tell is marked with a question mark.")
        checks = examine_home(home, None, sandbox=True)
    console.document([_document(check) for check in checks])
    width = max(len(check.name) for check in checks)
    for check in checks:
        value = check.said(check.value)
        subject = f"{check.subject}: " if check.subject else ""
        console.say(f"  {MARKS[check.ok]}  {check.name:<{width}}  {subject}{value}")
        if check.ok is False:
            console.say(f"        needed: {check.said(check.threshold)}")
            console.say(f"        {check.said(check.remedy)}")
    return 1 if any(check.ok is False for check in checks) else 0


async def _of_the_node(home: Composition) -> list[Check]:
    async with DoorClient(door_in(home.paths.runtime)) as door:
        answer = await door.ask(lambda number: RunDoctor(id=number))
    return list(map(_check, answer.checks)) if isinstance(answer, DoctorAnswer) else []


def _check(sheet: CheckSheet) -> Check:
    return Check(
        sheet.name, sheet.passed, sheet.value, sheet.threshold, sheet.remedy, sheet.subject, values=sheet.values
    )


def _document(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "subject": check.subject,
        "ok": check.ok,
        "value": check.said(check.value),
        "threshold": check.said(check.threshold),
        "remedy": check.said(check.remedy),
        "values": dict(check.values),
    }


async def _show_attempts(home: Composition, console: Console) -> None:
    try:
        report = await home.launcher([], home.mode_policy(unsandboxed=False)).inspect()
    except HearthError as error:
        console.failure(error)
        return
    for line in report.lines:
        console.say(f"  {'held' if line.passed else 'BROKE OUT'}  {line.name}: {line.outcome}")
    console.say(f"  not covered: {'; '.join(report.mode.not_covered)}")
