"""The owner comes back to a computer that works for a stranger: by real keys on a real screen."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from desktop.control.snapshot import DeviceCard, Snapshot
from desktop.domain.node_state import NodeState, Reason
from desktop.gateway.purchase import Answer
from tests.e2e.owner import beside_a_screen, takes_jobs, workers
from tests.e2e.stand import Stand, question
from tests.fakes.patience import until
from tests.ui.session import hand

pytestmark = pytest.mark.slow

WAITS_S = 180.0


def paused(now: Snapshot) -> bool:
    return now.status.state is NodeState.PAUSED


def measured(now: Snapshot) -> bool:
    return now.devices[0].last_stop_ms is not None


async def type_into(stand: Stand, shown: dict[str, str], answer: Answer) -> tuple[str, float]:
    """Listen to an answer, press a key once it has begun; what was heard, and when the key was pressed."""
    heard: list[str] = []
    pressed_s = 0.0
    async for piece in answer:
        heard.append(piece)
        if len(heard) == 3:
            pressed_s = time.monotonic()
            await asyncio.to_thread(hand, shown, "key", "a")
    assert stand.stage.node.exit_status is None
    return "".join(heard), pressed_s


async def test_a_key_pressed_stops_a_paid_job_and_quiet_brings_the_work_back(tmp_path: Path) -> None:
    async with beside_a_screen(tmp_path, idle_after_s=3) as (stand, shown, door):
        await asyncio.wait_for(door.wait_until(takes_jobs), WAITS_S)
        at_work = workers(stand.stage.node.pid)
        assert at_work
        told = asyncio.create_task(door.wait_until(paused))
        async with stand.stage.buyer.ask(question(most=1000)) as answer:
            said, pressed_s = await type_into(stand, shown, answer)
        assert pressed_s
        await asyncio.wait_for(told, WAITS_S)
        assert said.strip()
        assert told.result().status.reason is Reason.OWNER_ACTIVE
        await until(lambda: not any(each.is_running() for each in at_work), WAITS_S)
        check_bill(answer)
        check_times((await asyncio.wait_for(door.wait_until(measured), WAITS_S)).devices[0])
        await asyncio.wait_for(door.wait_until(takes_jobs), WAITS_S)
        assert workers(stand.stage.node.pid)
        await stand.reckon()


def check_bill(answer: Answer) -> None:
    """What was written is paid for, and no more."""
    assert answer.bill is not None
    assert answer.bill.honest
    assert answer.bill.charged is not None
    assert 0 < answer.bill.charged.msat < answer.bill.paid.msat
    assert answer.bill.change.whole_sat == answer.bill.paid.whole_sat - answer.bill.charged.ceil_sat


def check_times(device: DeviceCard) -> None:
    """Generous: how fast it is on a quiet machine is the bench's to say."""
    assert device.last_stop_ms is not None
    assert device.last_release_ms is not None
    assert device.last_stop_ms < 20_000
    assert device.last_release_ms < 20_000
