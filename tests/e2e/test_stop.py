"""A node that is asked to stop in the middle of its work: withdrawn, settled and gone within seconds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from desktop.domain.errors import ModelNotFound, ProviderUnreachable
from desktop.gateway.purchase import Answer
from tests.e2e.stand import ROOT, Stand, question, settle_all, standing, start_again

# Five are promised and measured on a quiet machine (tests/bench/node.py); this one may be at several things at once.
ENDS_WITHIN_S = 15.0

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with standing(tmp_path_factory.mktemp("stop")) as stand:
        yield stand
        await stand.reckon()


async def test_a_second_node_in_the_same_folder_is_refused_in_words(stand: Stand) -> None:
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "desktop", "node", "--home", str(stand.folder / "node")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert str(stand.stage.node.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert stand.stage.node.ready


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
async def test_a_node_stops_in_the_middle_of_a_paid_answer(stand: Stand, ask: signal.Signals) -> None:
    stage = stand.stage
    if stage.node.exit_status is not None:
        await start_again(stage)
    heard: list[str] = []
    begun = asyncio.Event()
    async with stage.buyer.ask(question(most=1000)) as answer:
        listening = asyncio.create_task(listen(answer, heard, begun))
        await begun.wait()
        took_s = await stage.node.stop(ask)
        with pytest.raises(ProviderUnreachable):
            await listening
    assert took_s < ENDS_WITHIN_S
    assert stage.node.exit_status == 0
    assert "".join(heard).strip()
    assert answer.bill is not None
    assert answer.bill.honest
    assert answer.bill.charged is not None
    assert 0 < answer.bill.charged.msat < answer.bill.paid.msat
    assert answer.bill.change.whole_sat == answer.bill.paid.whole_sat - answer.bill.charged.ceil_sat
    assert not await settle_all(stage)
    with pytest.raises(ModelNotFound):
        await stage.buyer.choices(question().wish())
    assert "Traceback" not in stand.errors.read_text()


async def listen(answer: Answer, heard: list[str], begun: asyncio.Event) -> None:
    async for piece in answer:
        heard.append(piece)
        if len(heard) == 3:
            begun.set()
