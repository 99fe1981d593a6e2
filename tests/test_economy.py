"""What the composition root asks of a real wire on this computer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.economy import Live, examine_reach
from desktop.machine.paths import Paths
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach


def home_at(folder: Path) -> Composition:
    return Composition(Paths.below(folder), Settings(wire="disabled"), use_keyring=False)


async def test_a_node_that_answers_when_it_is_dialled_is_found(tmp_path: Path) -> None:
    async with WireServer(b"\x02" * 32, 9, Reach(loopback=True)) as server:
        live = Live((), (), (str(server.address()),))
        (found,) = await asyncio.to_thread(examine_reach, home_at(tmp_path), live)
    assert (found.name, found.ok) == ("reachability", True), found


async def test_what_is_dialled_nowhere_is_not_known(tmp_path: Path) -> None:
    (found,) = await asyncio.to_thread(examine_reach, home_at(tmp_path), Live((), (), ()))
    assert found.ok is None


@pytest.mark.slow  # silence is only known after the time an answer may take
async def test_a_node_that_went_is_not_found(tmp_path: Path) -> None:
    async with WireServer(b"\x02" * 32, 9, Reach(loopback=True)) as server:
        live = Live((), (), (str(server.address()),))
    (found,) = await asyncio.to_thread(examine_reach, home_at(tmp_path), live)
    assert found.ok is False
    assert found.values["trouble"]
