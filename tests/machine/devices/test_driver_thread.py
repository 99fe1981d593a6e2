from __future__ import annotations

import asyncio
import threading
import time

import pytest

from desktop.machine.devices.driver_thread import DriverThread
from desktop.machine.devices.source import DeviceSilent
from tests.fakes.patience import until


def answering(thread: DriverThread[int]) -> bool:
    try:
        return thread.call_blocking(lambda: 1) == 1
    except DeviceSilent:
        return False


def started() -> int:
    return sum(each.name == "driver the only card" for each in threading.enumerate())


async def test_a_call_that_hangs_is_silence_and_the_loop_goes_on() -> None:
    thread: DriverThread[int] = DriverThread("card", 0.1)
    over = threading.Event()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(DeviceSilent, match="has not answered"):
        await thread.call(lambda: over.wait() and 0)
    ticking.cancel()
    assert ticks > 1

    before = time.monotonic()
    for _ in range(100):
        with pytest.raises(DeviceSilent):
            await thread.call(lambda: 1)
    assert time.monotonic() - before < 5  # at once, not a tenth of a second each

    over.set()
    await until(lambda: answering(thread))
    thread.close()


async def test_callers_at_the_same_time_share_one_answer() -> None:
    thread: DriverThread[int] = DriverThread("card", 10)
    calls = 0
    go = threading.Event()

    def work() -> int:
        nonlocal calls
        calls += 1
        go.wait(10)
        return calls

    waiting = [asyncio.create_task(thread.call(work)) for _ in range(5)]
    await until(lambda: calls == 1)
    waiting[0].cancel()
    go.set()

    assert await asyncio.gather(*waiting[1:]) == [1, 1, 1, 1]
    thread.close()


async def test_what_goes_wrong_in_the_thread_is_told_and_the_thread_lives() -> None:
    thread: DriverThread[int] = DriverThread("card", 10)
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 // 0)

    assert await thread.call(lambda: 7) == 7
    thread.close()


async def test_a_thousand_hanging_calls_cost_one_thread() -> None:
    thread: DriverThread[int] = DriverThread("the only card", 0.01)
    over = threading.Event()
    for _ in range(1000):
        with pytest.raises(DeviceSilent):
            await thread.call(lambda: over.wait() and 0)

    assert started() == 1

    thread.close()
    over.set()
    await until(lambda: started() == 0)
