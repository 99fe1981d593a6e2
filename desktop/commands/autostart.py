"""`hearth autostart`: start with this computer, or not."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.domain.errors import Unavailable
from desktop.machine.autostart.here import autostarts_of
from desktop.machine.autostart.switch import Autostart, Kind

_WORDS: Final = {Kind.WINDOW: "the window, in the tray", Kind.NODE: "the node, without a window"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", nargs="?", choices=("on", "off", "status"), default="status", help="default: status")
    parser.add_argument(
        "--node", action="store_true", help="the node alone, for a computer without a screen, in place of the window"
    )


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Switch if asked to, then tell how it stands. `off` without `--node` turns off every kind."""
    every = autostarts_of(os.environ, Path.home(), home.paths)
    wanted = Kind.NODE if arguments.node else Kind.WINDOW
    if arguments.action == "on":
        _of_kind(every, wanted).switch(on=True)
    elif arguments.action == "off":
        for each in (_of_kind(every, wanted),) if arguments.node else every:
            each.switch(on=False)
    standings = [each.standing() for each in every]
    console.document({
        standing.kind.value: {"on": standing.on, "place": standing.place, "advice": standing.advice}
        for standing in standings
    })  # fmt: skip
    for standing in standings:
        console.say(f"{'on ' if standing.on else 'off'}  {_WORDS[standing.kind]}: {standing.place}")
        if standing.advice:
            console.say(f"     {standing.advice}")
    return 0


def _of_kind(every: tuple[Autostart, ...], kind: Kind) -> Autostart:
    for each in every:
        if each.standing().kind is kind:
            return each
    raise Unavailable(
        "This system starts the node with its window only.", now="Leave --node out: the window waits in the tray."
    )
