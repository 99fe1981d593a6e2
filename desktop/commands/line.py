"""The command line: reads it and calls one command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from desktop import __version__
from desktop.commands import ask, bench, demo, doctor, earnings, jobs, node, status, wallet
from desktop.commands.console import Console
from desktop.compose import Composition, system_clock_ms
from desktop.domain.errors import HearthError
from desktop.machine.paths import Paths
from desktop.machine.settings_file import load_settings

COMMANDS: Final[dict[str, ModuleType]] = {
    "node": node,
    "ask": ask,
    "status": status,
    "earnings": earnings,
    "jobs": jobs,
    "wallet": wallet,
    "doctor": doctor,
    "bench": bench,
    "demo": demo,
}
INTERRUPTED: Final = 130


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit status is 0 when all went well, 1 with words on standard error when not."""
    parsed = _parser().parse_args(arguments)
    console = Console(as_json=parsed.json)
    try:
        status_code: int = COMMANDS[parsed.command].run(parsed, _home(parsed.home, console), console)
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


def _home(folder: Path | None, console: Console) -> Composition:
    paths = Paths.below(folder) if folder else Paths.of_user(os.environ, Path.home())
    paths.create()
    loaded = load_settings(paths.config, system_clock_ms)
    for notice in loaded.notices:
        console.note(notice)
    return Composition(paths, loaded.settings)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, metavar="DIR", help="keep everything in this folder, apart from others")
    common.add_argument("--json", action="store_true", help="print JSON for programs")
    parser = argparse.ArgumentParser(
        prog="hearth",
        description="Lend an idle GPU to an open AI inference network and get paid for it.",
        epilog="Without a command the window opens; --hidden leaves it in the tray, --attach starts no node for it.",
    )
    parser.add_argument("--version", action="version", version=f"Hearth {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        sub = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY, parents=[common])
        module.configure(sub)
    return parser
