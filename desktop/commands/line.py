"""The command line: reads it and calls one command."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from desktop import __version__
from desktop.commands.console import Console
from desktop.domain.errors import HearthError
from desktop.machine.memory import keep_little
from desktop.machine.paths import Paths
from desktop.machine.settings_file import load_settings

if TYPE_CHECKING:
    from desktop.compose import Composition

COMMANDS: Final = {
    "node": "run the node: answer paid requests until Ctrl+C",
    "pause": "stop working and give the device back, until `hearth resume`",
    "resume": "work again, also after a fault",
    "stop": "end the running node",
    "report": "a problem report about the running node, without secrets; sent nowhere",
    "ask": "ask a provider on the network and pay it from this wallet",
    "status": "what the node is doing, and how today went",
    "why": "why this computer earns or does not, by reason, and what to do",
    "earnings": "what was earned and what electricity took, by day, hour, model or device",
    "outlook": "what this computer could earn a day, as a range, and what that rests on",
    "jobs": "the newest jobs, one job with its receipt, or an export",
    "wallet": "what the wallet holds; receive, send, pay, restore",
    "autostart": "start with this computer: on, off or status",
    "devices": "every device, how it stands and why, and its last stop; switch one off or on",
    "limits": "what each device may do, what is in force, and what is missing",
    "doctor": "check computer, sandbox, relays and mints; say what to do",
    "bench": "measure how fast this computer answers",
    "models": "which models there are and fit; get, offer and remove them",
    "setup": "install the build of torch that fits this computer's cards",
    "update": "look for a new version, and install it with a way back",
    "uninstall": "take Hearth off this computer; asks about keys, wallet and ledger",
    "demo": "play the whole job on this computer: relays, mint, node, buyer",
}
INTERRUPTED: Final = 130


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit status is 0 when all went well, 1 with words on standard error when not."""
    # Taken out first, wherever they stand: argparse itself would want them before an action's name.
    shared, rest = _shared().parse_known_args(arguments)
    chosen = next((word for word in rest if word in COMMANDS), "")
    if chosen == "node":
        # A node computes nothing and draws nothing. Where they happen to be there, sqlite-utils would import numpy, and
        # httpx, for a command line of its own, rich: 15 MB for all its life.
        for absent in ("numpy", "rich"):
            sys.modules[absent] = None  # type: ignore[assignment]  # Python's own way to say: not here
        keep_little()
    # Only the command that was asked for is loaded: a node must not carry what a buyer needs.
    module = importlib.import_module(f"desktop.commands.{chosen}") if chosen else None
    parsed = _parser(chosen, module).parse_args(rest)
    console = Console(as_json=shared.json)
    if module is None:
        return 0
    try:
        status_code: int = module.run(parsed, _home(shared.home, console), console)
    except HearthError as error:
        console.failure(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain once more while closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status_code


def help_of(command: str) -> str:
    """What `hearth COMMAND --help` prints; of the whole program for an empty name."""
    module = importlib.import_module(f"desktop.commands.{command}") if command else None
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        _parser(command, module).parse_args([command, "--help"] if command else ["--help"])
    return said.getvalue()


def _home(folder: Path | None, console: Console) -> Composition:
    from desktop.compose import Composition, system_clock_ms

    paths = Paths.below(folder) if folder else Paths.of_user(os.environ, Path.home())
    paths.create()
    loaded = load_settings(paths.config, system_clock_ms)
    for notice in loaded.notices:
        console.note(notice)
    return Composition(paths, loaded.settings)


def _shared() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(prog="hearth", add_help=False, allow_abbrev=False)
    shared.add_argument("--home", type=Path, metavar="DIR", help="keep everything in this folder, apart from others")
    shared.add_argument("--json", action="store_true", help="print JSON for programs")
    return shared


def _parser(chosen: str, module: ModuleType | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hearth",
        description="Lend an idle GPU to an open AI inference network and get paid for it.",
        epilog="Without a command the window opens; --hidden leaves it in the tray, --attach starts no node for it.",
    )
    parser.add_argument("--version", action="version", version=f"Hearth {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary, parents=[_shared()])
        if module is not None and name == chosen:
            module.configure(sub)
    return parser
