"""The computer falls asleep while a stranger's request is answered, and wakes: with a double of systemd-logind."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from desktop.commands.console import Console
from desktop.commands.demo.stage import Stage
from desktop.domain.node_state import NodeState, Reason
from desktop.gateway.purchase import Answer
from tests.e2e.stand import Stand, eventually, lend_models, question, until_offered
from tests.fakes.bundled_models import CHAT
from tests.fakes.desktop_bus import LogindManager, host_on
from tests.ui.session import base_environment, session_bus

pytestmark = pytest.mark.slow

PATIENCE_S = 180.0


async def hear(answer: Answer, begun: asyncio.Event) -> None:
    async for _ in answer:
        begun.set()


async def test_a_job_is_settled_before_sleep_and_the_node_is_back_after_it(tmp_path: Path) -> None:
    lend_models(tmp_path / "n" / "node")
    with session_bus(base_environment(tmp_path), tmp_path) as environment:
        address = environment.pop("DBUS_SESSION_BUS_ADDRESS")
        stage = Stage(
            tmp_path / "n",
            Console(out=io.StringIO()),
            models=(CHAT,),
            node_errors=tmp_path / "node-errors.log",
            node_environment={**environment, "DBUS_SYSTEM_BUS_ADDRESS": address},
        )
        async with host_on(address) as host:
            logind = LogindManager()
            await host.offer(logind)
            async with stage:
                stand = Stand(stage, tmp_path / "n")
                await stand.fund(2000)
                await eventually(lambda: bool(logind.locks), PATIENCE_S)
                begun = asyncio.Event()
                async with stage.buyer.ask(question(most=1000)) as answer:
                    hearing = asyncio.create_task(hear(answer, begun))
                    await asyncio.wait_for(begun.wait(), PATIENCE_S)

                    logind.PrepareForSleep(start=True)

                    await eventually(lambda: not logind.held(logind.locks[0]), PATIENCE_S)
                    await hearing
                assert answer.bill is not None
                assert answer.bill.honest
                assert answer.bill.charged is not None
                assert 0 < answer.bill.charged.msat < answer.bill.paid.msat  # what was written, and no more
                await eventually(lambda: not stage.node.ready, PATIENCE_S)

                logind.PrepareForSleep(start=False)

                await eventually(lambda: stage.node.ready, PATIENCE_S)
                await until_offered(stage)
                await stand.reckon()
                logind.close_locks()
    with stage.node_home.report() as report:
        told = [(each.state, each.reason) for each in report.intervals(0, 2**50, 2**50)]
    assert (NodeState.PAUSED, Reason.ASLEEP) in told
