"""`hearth stop`: end the running node, or everything of Hearth that runs."""

from __future__ import annotations

import argparse

from desktop.commands.console import Console
from desktop.commands.departure import end_app
from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.messages import Quit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--app", action="store_true", help="the window as well; returns when both have ended, also if neither ran"
    )


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Returns when the node has been told; it withdraws, finishes or refunds what runs, and ends."""
    if arguments.app:
        ran = end_app(home)
        console.document({"stopped": ran})
        console.say("Hearth has ended." if ran else "Hearth was not running.")
        return 0
    knock(home, lambda number: Quit(id=number))
    console.document({"stopping": True})
    console.say("It stops.")
    return 0
