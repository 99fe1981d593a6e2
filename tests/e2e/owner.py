"""A node in the session of a screen nobody sees, and its owner who may come back to it at any time."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from desktop.commands.console import Console
from desktop.commands.demo.stage import Stage
from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.messages import Watch, WriteSetting
from desktop.control.snapshot import Snapshot
from desktop.domain.node_state import NodeState
from tests.e2e.stand import Stand, lend_models
from tests.fakes.bundled_models import CHAT
from tests.ui.session import base_environment, screen


@asynccontextmanager
async def beside_a_screen(
    folder: Path, *, idle_after_s: int, give_way: bool = False
) -> AsyncIterator[tuple[Stand, dict[str, str], DoorClient]]:
    """A node on a network of its own, in the session of a screen; its owner has been away for a while."""
    lend_models(folder / "n" / "node")
    with screen(base_environment(folder)) as shown:
        stage = Stage(
            folder / "n",
            Console(out=io.StringIO()),
            models=(CHAT,),
            node_errors=folder / "node-errors.log",
            node_environment=shown,
            give_way=give_way,
        )
        async with stage:
            stand = Stand(stage, folder / "n")
            await stand.fund(2000)
            async with DoorClient(door_in(folder / "n" / "node" / "run")) as door:
                await door.ask(lambda number: Watch(id=number))
                for name, value in (("idle_after_s", str(idle_after_s)), ("schedule", "away")):
                    await door.ask(lambda number, n=name, v=value: WriteSetting(id=number, name=n, value=v))  # type: ignore[misc]  # bound now
                yield stand, shown, door


def takes_jobs(now: Snapshot) -> bool:
    return now.status.state in {NodeState.READY, NodeState.EARNING}


def workers(node_pid: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(node_pid).children(recursive=True) if "worker" in " ".join(each.cmdline())]
