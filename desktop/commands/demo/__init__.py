"""`hearth demo`: the whole job on this computer, on a network of its own, with real parts."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
from pathlib import Path

from desktop.commands.console import Console
from desktop.commands.demo.live import show
from desktop.commands.demo.outcome import conclude
from desktop.commands.demo.scenario import play
from desktop.commands.demo.stage import Stage
from desktop.compose import Composition

FUNDED_SAT = 2000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where to keep it (default: the cache folder)")
    parser.add_argument("--window", action="store_true", help="show it in the app, and buy until that is quit")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Play it and tell it. The last line is JSON; the exit status is 0 only if all of it came out as it should."""
    # Whoever ends the demo, as Ctrl+C or otherwise: mint, relays and node are taken down with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = arguments.folder or home.paths.cache / "demo"
    return asyncio.run(_show(folder, console) if arguments.window else _play(folder, console))


async def _play(folder: Path, console: Console) -> int:
    _clear(folder)
    async with Stage(folder, console) as stage:
        await stage.fund(FUNDED_SAT)
        story = await play(stage, console)
        stopped_s = await stage.node.stop()
        console.say(f"  The node withdrew and ended in {stopped_s:.1f} s.")
        outcome = await conclude(stage, story, FUNDED_SAT, console)
    console.line(outcome.document)
    return 0 if outcome.good else 1


async def _show(folder: Path, console: Console) -> int:
    _clear(folder)
    async with Stage(folder, console) as stage:
        await stage.fund(FUNDED_SAT)
        return await show(stage, console)


def _clear(folder: Path) -> None:
    """Forget the last demo, but not the models it prepared."""
    for name in ("buyer", "mint", "node/data", "node/config", "node/log"):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
