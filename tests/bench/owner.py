"""How fast a busy node gets out of its owner's way, and back to work: `python -m tests.bench.owner [TRIALS]`.

A real node in the session of a real X server answers a paid request; a key is pressed through XTest. The node's own
figures begin with the key, as the X server's idle counter tells it; the others are taken from outside, beginning before
`xdotool` is started. Released means that no process of the worker holds anything. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from desktop.control.client import DoorClient
from desktop.control.messages import WriteSetting
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import HearthError
from tests.e2e.owner import beside_a_screen, takes_jobs, workers
from tests.e2e.stand import Stand, question
from tests.ui.session import hand

TRIALS: Final = 50
RETURNS: Final = 5
STOP_TARGET_MS: Final = 1000
RELEASE_TARGET_MS: Final = 1000
WAIT_S: Final = 120.0
EVERY_S: Final = 0.005
NEEDED_SAT: Final = 60_000


class Trial(NamedTuple):
    """Milliseconds: from the key to the end of work, from there to free memory; from outside, the key to both ends."""

    stop: float
    release: float
    answer_ended: float
    gone: float


def say(line: str) -> None:
    """Print at once, so that a bench that hangs shows where."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spread(what: str, values: list[float], unit: str = "ms") -> str:
    """Median, 95th percentile and worst."""
    return f"{what:<52} p50 {statistics.median(values):7.0f}  p95 {p95(values):7.0f}  worst {max(values):7.0f} {unit}"


async def until_gone(pids: list[int]) -> float:
    """When the last of them holds nothing any more."""
    while any(alive(pid) for pid in pids):  # noqa: ASYNC110 - nobody is told of the end of another's child
        await asyncio.sleep(EVERY_S)
    return time.monotonic()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


async def one_trial(stand: Stand, shown: dict[str, str], door: DoorClient) -> Trial:
    """A paid answer, and a key in the middle of it."""
    await asyncio.wait_for(door.wait_until(takes_jobs), WAIT_S)
    assert door.snapshot is not None
    before = door.snapshot.devices[0].last_stop_at_ms
    pids = [each.pid for each in workers(stand.stage.node.pid)]
    assert pids
    heard, pressed_s = 0, 0.0
    gone: asyncio.Task[float] | None = None
    async with stand.stage.buyer.ask(question(most=1000)) as answer:
        with contextlib.suppress(HearthError):
            async for _ in answer:
                heard += 1
                if heard == 3:
                    gone = asyncio.create_task(until_gone(pids))
                    pressed_s = time.monotonic()
                    await asyncio.to_thread(hand, shown, "key", "a")
        ended_s = time.monotonic()
    assert gone is not None
    gone_s = await gone

    def measured(now: Snapshot) -> bool:
        return now.devices[0].last_stop_at_ms not in {None, before}

    device = (await asyncio.wait_for(door.wait_until(measured), WAIT_S)).devices[0]
    assert device.last_stop_ms is not None
    assert device.last_release_ms is not None
    return Trial(device.last_stop_ms, device.last_release_ms, (ended_s - pressed_s) * 1000, (gone_s - pressed_s) * 1000)


async def one_return(shown: dict[str, str], door: DoorClient, *, spare: bool) -> float:
    """Milliseconds from the moment the owner counts as away to the moment requests are taken."""
    await asyncio.wait_for(door.wait_until(takes_jobs), WAIT_S)
    if spare:
        await asyncio.wait_for(door.wait_until(lambda now: now.devices[0].spare_worker), WAIT_S)
    await asyncio.to_thread(hand, shown, "key", "a")
    await asyncio.wait_for(door.wait_until(lambda now: not takes_jobs(now)), WAIT_S)
    away_s = time.monotonic() + 1.0
    await asyncio.wait_for(door.wait_until(takes_jobs), WAIT_S)
    return (time.monotonic() - away_s) * 1000


async def change(door: DoorClient, name: str, value: str) -> None:
    await door.ask(lambda number: WriteSetting(id=number, name=name, value=value))


def spare_memory(stand: Stand) -> tuple[float, float]:
    """What worker and spare hold for themselves, in MiB: the smaller family is the spare."""
    private: dict[int, int] = {}
    for each in psutil.Process(stand.stage.node.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            private[each.pid] = each.memory_full_info().uss
    big = sorted((value for value in private.values() if value > 32 << 20), reverse=True)
    return big[0] / 2**20, (big[1] / 2**20 if len(big) > 1 else 0.0)


async def main(trials: int) -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with beside_a_screen(Path(folder), idle_after_s=1, give_way=True) as (stand, shown, door):
            await stand.fund(NEEDED_SAT)
            found = []
            for number in range(trials):
                found.append(await one_trial(stand, shown, door))
                if number % 10 == 9:
                    say(f"{number + 1} of {trials} trials")
            plain = [await one_return(shown, door, spare=False) for _ in range(RETURNS)]
            await change(door, "spare_worker", "true")
            quick = [await one_return(shown, door, spare=True) for _ in range(RETURNS)]
            await asyncio.wait_for(door.wait_until(lambda now: now.devices[0].spare_worker), WAIT_S)
            worker_mib, spare_mib = await asyncio.to_thread(spare_memory, stand)
    stops, releases = [each.stop for each in found], [each.release for each in found]
    say(f"load average {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores; {trials} trials")
    say(spread("key to the end of all work (node's own figure)", stops))
    say(spread("from there to free memory (node's own figure)", releases))
    say(spread("key to the end of the buyer's answer (outside)", [each.answer_ended for each in found]))
    say(spread("key to the last process gone (outside)", [each.gone for each in found]))
    say(spread("away to taking requests, without a spare worker", plain))
    say(spread("away to taking requests, with a spare worker", quick))
    say(f"{'memory of its own: worker, spare worker':<52} {worker_mib:.0f} MiB, {spare_mib:.0f} MiB")
    met = p95(stops) <= STOP_TARGET_MS and p95(releases) <= RELEASE_TARGET_MS
    say(
        f"targets p95: end of work <= {STOP_TARGET_MS} ms, memory <= {RELEASE_TARGET_MS} ms later: "
        f"{'met' if met else 'MISSED'}"
    )
    return int(not met)


def p95(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS)))
