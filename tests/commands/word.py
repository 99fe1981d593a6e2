"""A word of the command line, said in a home of its own; with a node behind the door or without."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.control.address import door_in
from desktop.control.server import Door
from desktop.machine.paths import Paths
from desktop.machine.settings_file import load_settings
from tests.fakes.steward import FakeSteward


class Command(Protocol):
    """A module of `desktop.commands`."""

    def configure(self, parser: ArgumentParser) -> None: ...

    def run(self, arguments: Any, home: Composition, console: Console) -> int: ...  # noqa: ANN401 - argparse's


class Said:
    """What a command did: its status, and what it printed to either side."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever JSON the command prints
        return json.loads(self.out)


def home_in(folder: Path) -> Composition:
    """The Hearth of that folder, with the settings that lie there now."""
    paths = Paths.below(folder)
    paths.create()
    return Composition(paths, load_settings(paths.config, lambda: 0).settings, use_keyring=False)


def say(command: Command, folder: Path, *words: str, as_json: bool = False) -> Said:
    """Run the command there."""
    parser = ArgumentParser()
    command.configure(parser)
    out, err = io.StringIO(), io.StringIO()
    status = command.run(parser.parse_args(words), home_in(folder), Console(as_json=as_json, out=out, err=err))
    return Said(status, out.getvalue(), err.getvalue())


@asynccontextmanager
async def node_in(folder: Path) -> AsyncIterator[FakeSteward]:
    """A node that does as it is told, behind the door of that folder."""
    steward = FakeSteward()
    door = Door(steward, door_in(home_in(folder).paths.runtime), version="0.1.0")
    await door.open()
    try:
        yield steward
    finally:
        await door.close()
