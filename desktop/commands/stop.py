"""`hearth stop`: end the running node."""

from __future__ import annotations

import argparse

from desktop.commands.console import Console
from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.messages import Quit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""
    del parser


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Returns when the node has been told; it withdraws, finishes or refunds what runs, and ends."""
    del arguments
    knock(home, lambda number: Quit(id=number))
    console.document({"stopping": True})
    console.say("It stops.")
    return 0
