"""Days of simulated life: an owner who comes and goes, a schedule, sleep, and a clock that jumps."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from desktop.config.week import week_of
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.schedule import DAYS, Permission, Schedule
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node.policy.terms import Terms
from tests.node.policy.looks import AWAY, CALM, HERE, Looks, on, with_devices

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
# Never from 8 to 12, always from 22 to 6, else while away.
WEEK = Schedule(
    tuple(
        Permission.NEVER if 8 <= hour < 12 else Permission.ALWAYS if hour >= 22 or hour < 6 else Permission.AWAY
        for _ in range(DAYS)
        for hour in range(24)
    )
)


def local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, BERLIN)


def clock(start_ms: int, hours: int, jumps: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Wall clock and monotonic clock twice a minute; at some hours the wall clock, or a sleep, jumps."""
    wall_ms, steady_ms = start_ms, 0
    for tick in range(hours * 120):
        if tick % 120 == 0:
            wall_ms += jumps.get(tick // 120, 0)
        yield wall_ms, steady_ms
        wall_ms += 30_000
        steady_ms += 30_000


@pytest.mark.parametrize(
    ("day", "hours", "jumps"),
    [
        ((2026, 3, 28), 30, {}),  # summer time begins
        ((2026, 10, 24), 30, {}),  # and ends
        ((2026, 6, 1), 24, {3: 5 * HOUR_MS, 9: HOUR_MS}),  # two sleeps
        ((2026, 6, 1), 24, {2: -HOUR_MS, 7: 2 * HOUR_MS, 11: -10 * 60_000}),  # a clock that is set
    ],
)
def test_a_day_has_no_holes_no_overlaps_and_no_work_against_the_schedule(
    tmp_path: Path, day: tuple[int, int, int], hours: int, jumps: dict[int, int]
) -> None:
    start_ms = int(datetime(*day, tzinfo=BERLIN).timestamp() * 1000)
    chance, looks, idle_s = random.Random(4), Looks(Terms(schedule=WEEK)), 0.0
    ledger, told = Ledger.open(tmp_path / "ledger.db"), None
    ledger.begin_state(NodeState.STARTING, Reason.LOADING, "", start_ms)
    wall_ms = start_ms
    for wall_ms, steady_ms in clock(start_ms, hours, jumps):
        idle_s = 0.0 if chance.random() < 0.03 else idle_s + 30
        permission = WEEK.at(local(wall_ms))
        signals = replace(with_devices(CALM, on()), presence=replace(HERE, idle_s=idle_s), permission=permission)
        judgements = looks.look(signals, after_ms=steady_ms - looks.at_ms)
        if judgements.node.takes_jobs:
            assert permission is not Permission.NEVER
            assert permission is Permission.ALWAYS or idle_s >= looks.terms.idle_after_s
        if judgements.node != told:
            told = judgements.node
            ledger.begin_state(told.state, told.reason, told.detail, wall_ms)
        if steady_ms % 120_000 == 0:
            ledger.alive(wall_ms)
    ledger.begin_state(NodeState.OFF, Reason.STOPPED_BY_OWNER, "", wall_ms)
    ledger.close()
    report = Report.open(tmp_path / "ledger.db")
    found = report.intervals(start_ms, wall_ms + 1, wall_ms + 1)
    shares = report.shares(start_ms, wall_ms, wall_ms)
    report.close()
    assert found[0].start_ms == start_ms
    assert all(earlier.end_ms == later.start_ms for earlier, later in itertools.pairwise(found))
    assert all(each.end_ms is not None and each.start_ms < each.end_ms for each in found[:-1])
    assert sum(each.duration_ms for each in shares) == found[-1].start_ms - start_ms
    assert {Reason.SCHEDULE, Reason.OWNER_ACTIVE, Reason.WAITING_FOR_REQUESTS} <= {each.reason for each in found}
    slept = any(jump > 180_000 for jump in jumps.values())
    assert (Reason.ASLEEP in {each.reason for each in found}) == slept


def test_a_sleep_does_not_make_a_short_rest_calm() -> None:
    looks = Looks()
    assert not looks.works(replace(with_devices(CALM, on()), presence=replace(AWAY, fullscreen=True)))
    calm = with_devices(CALM, on())
    assert not looks.works(calm, after_ms=8 * HOUR_MS)
    assert looks.until(calm, lambda each: each.may_work) >= 55_000


@pytest.mark.parametrize("word", ["never", "away", "always"])
def test_a_word_stands_for_a_whole_week(word: str) -> None:
    assert set(week_of(word).hours) == {Permission(word)}
