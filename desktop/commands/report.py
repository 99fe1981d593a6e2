"""`hearth report`: a problem report about the running node, to read before it is given to anyone."""

from __future__ import annotations

import argparse

from desktop.commands.console import Console
from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.answers import TextAnswer
from desktop.control.messages import ReadReport


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""
    del parser


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print the report."""
    del arguments
    answer = knock(home, lambda number: ReadReport(id=number))
    text = answer.text if isinstance(answer, TextAnswer) else ""
    console.document({"report": text})
    console.say(text)
    return 0
