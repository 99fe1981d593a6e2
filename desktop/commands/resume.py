"""`hearth resume`: work again, also after a fault."""

from __future__ import annotations

import argparse

from desktop.commands.console import Console
from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.messages import Resume


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""
    del parser


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Returns when the node has been told; one that was never announced is from now on."""
    del arguments
    knock(home, lambda number: Resume(id=number))
    console.document({"paused": False})
    console.say("Resumed.")
    return 0
