"""`hearth pause`: stop working and give the device back."""

from __future__ import annotations

import argparse
from typing import Final

from desktop.commands.console import Console
from desktop.commands.knock import knock
from desktop.compose import Composition
from desktop.control.messages import AnyRequest, Pause

MINUTE_MS: Final = 60_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--minutes", type=int, metavar="N", help="resume by itself after so many minutes")
    parser.add_argument("--finish", action="store_true", help="let the running jobs end first")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Returns when no new job is taken and, without --finish, the device is free."""
    until_ms = None if arguments.minutes is None else home.now_ms() + arguments.minutes * MINUTE_MS

    def pause(number: int) -> AnyRequest:
        return Pause(id=number, until_ms=until_ms, finish_first=arguments.finish)

    knock(home, pause)
    console.document({"paused": True, "until_ms": until_ms, "finishing": arguments.finish})
    console.say("The running jobs end, then it pauses." if arguments.finish else "Paused.")
    return 0
