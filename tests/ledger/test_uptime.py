from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report

START_MS = 10_000_000
MINUTE_MS = 60_000
FAR_MS = 10**12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


@pytest.fixture
def report(path: Path, ledger: Ledger) -> Iterator[Report]:
    del ledger
    report = Report.open(path)
    yield report
    report.close()


def _states(intervals: list[Interval]) -> list[tuple[int, int, NodeState, Reason]]:
    return [(each.start_ms - START_MS, (each.end_ms or 0) - START_MS, each.state, each.reason) for each in intervals]


def _serve(ledger: Ledger, at_ms: int = START_MS) -> None:
    ledger.begin_state(NodeState.READY, Reason.WAITING_FOR_REQUESTS, "", at_ms)


def test_a_day_of_the_node(ledger: Ledger, report: Report) -> None:
    ledger.begin_state(NodeState.STARTING, Reason.LOADING, "smol", START_MS)
    _serve(ledger, START_MS + 5000)
    ledger.begin_state(NodeState.OFF, Reason.STOPPED_BY_OWNER, "", START_MS + 9000)

    assert _states(report.intervals(0, FAR_MS, FAR_MS)) == [
        (0, 5000, NodeState.STARTING, Reason.LOADING),
        (5000, 9000, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (9000, FAR_MS - START_MS, NodeState.OFF, Reason.STOPPED_BY_OWNER),
    ]


def test_a_killed_node_was_off_since_its_last_sign_of_life(path: Path, ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.alive(START_MS + MINUTE_MS)
    ledger.close()
    again = Ledger.open(path)
    again.begin_state(NodeState.STARTING, Reason.LOADING, "", START_MS + 100 * MINUTE_MS)
    again.close()

    assert _states(report.intervals(0, FAR_MS, START_MS + 101 * MINUTE_MS)) == [
        (0, MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (MINUTE_MS, 100 * MINUTE_MS, NodeState.OFF, Reason.ENDED_UNEXPECTEDLY),
        (100 * MINUTE_MS, 101 * MINUTE_MS, NodeState.STARTING, Reason.LOADING),
    ]


def test_a_killed_node_that_is_not_back_yet_reads_as_off(ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.alive(START_MS + MINUTE_MS)
    now_ms = START_MS + 60 * MINUTE_MS

    current = report.current(now_ms)
    assert current is not None
    assert (current.state, current.reason) == (NodeState.OFF, Reason.ENDED_UNEXPECTEDLY)
    assert report.shares(0, FAR_MS, now_ms)[0].duration_ms == 59 * MINUTE_MS
    alive = report.current(START_MS + 2 * MINUTE_MS)
    assert alive is not None
    assert alive.state is NodeState.READY


def test_a_sleeping_computer_earns_no_uptime(ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.alive(START_MS + MINUTE_MS)
    ledger.alive(START_MS + 61 * MINUTE_MS)

    assert _states(report.intervals(0, FAR_MS, START_MS + 62 * MINUTE_MS)) == [
        (0, MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (MINUTE_MS, 61 * MINUTE_MS, NodeState.OFF, Reason.ASLEEP),
        (61 * MINUTE_MS, 62 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
    ]


def test_a_short_sleep_that_the_clocks_told_of_is_written_down_once(ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.alive(START_MS + MINUTE_MS)
    ledger.slept(START_MS + 2 * MINUTE_MS, START_MS + 3 * MINUTE_MS)
    ledger.slept(START_MS + 2 * MINUTE_MS, START_MS + 3 * MINUTE_MS)
    ledger.slept(START_MS + 5 * MINUTE_MS, START_MS + 4 * MINUTE_MS)

    assert _states(report.intervals(0, FAR_MS, START_MS + 4 * MINUTE_MS)) == [
        (0, 2 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (2 * MINUTE_MS, 3 * MINUTE_MS, NodeState.OFF, Reason.ASLEEP),
        (3 * MINUTE_MS, 4 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
    ]


def test_the_same_state_again_is_the_same_interval(ledger: Ledger, report: Report) -> None:
    for minute in range(3):
        _serve(ledger, START_MS + minute * MINUTE_MS)

    assert len(report.intervals(0, FAR_MS, START_MS + 3 * MINUTE_MS)) == 1


def test_a_clock_that_goes_back_makes_no_hole_and_no_overlap(ledger: Ledger, report: Report) -> None:
    _serve(ledger, START_MS)
    ledger.begin_state(NodeState.PAUSED, Reason.PAUSED_BY_OWNER, "", START_MS + 2 * MINUTE_MS)
    _serve(ledger, START_MS - 60 * MINUTE_MS)
    ledger.begin_state(NodeState.OFFLINE, Reason.NO_RELAY, "", START_MS + 3 * MINUTE_MS)

    assert _states(report.intervals(0, FAR_MS, START_MS + 4 * MINUTE_MS)) == [
        (0, 2 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (2 * MINUTE_MS, 3 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
        (3 * MINUTE_MS, 4 * MINUTE_MS, NodeState.OFFLINE, Reason.NO_RELAY),
    ]


def test_a_sign_of_life_is_never_taken_back(ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.alive(START_MS + 2 * MINUTE_MS)
    ledger.alive(START_MS + MINUTE_MS)
    seen = [(0, 2 * MINUTE_MS, NodeState.READY, Reason.WAITING_FOR_REQUESTS)]

    assert _states(report.intervals(0, FAR_MS, START_MS + MINUTE_MS)) == seen
    ledger.begin_state(NodeState.PAUSED, Reason.PAUSED_BY_OWNER, "", START_MS + MINUTE_MS)
    assert _states(report.intervals(0, FAR_MS, START_MS + 3 * MINUTE_MS)) == [
        *seen,
        (2 * MINUTE_MS, 3 * MINUTE_MS, NodeState.PAUSED, Reason.PAUSED_BY_OWNER),
    ]


def test_before_the_first_start_nothing_is_known(report: Report) -> None:
    assert report.intervals(0, FAR_MS, START_MS) == []
    assert report.shares(0, FAR_MS, START_MS) == []
    assert report.current(START_MS) is None
    assert report.summary(0, 900_000, START_MS).uptime == 0.0


def test_a_window_is_clipped_on_both_sides(ledger: Ledger, report: Report) -> None:
    _serve(ledger)
    ledger.begin_state(NodeState.PAUSED, Reason.PAUSED_BY_OWNER, "", START_MS + 1000)

    window = report.intervals(START_MS + 400, START_MS + 1500, START_MS + 9000)
    assert [(each.start_ms - START_MS, (each.end_ms or 0) - START_MS) for each in window] == [(400, 1000), (1000, 1500)]
    assert [share.duration_ms for share in report.shares(START_MS + 400, START_MS + 1500, START_MS + 9000)] == [
        600,
        500,
    ]


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from(list(NodeState)), st.integers(-400_000, 900_000)),
        st.tuples(st.just("alive"), st.none(), st.integers(-400_000, 900_000)),
        st.tuples(st.just("kill"), st.none(), st.integers(0, 900_000)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(deeds=DEEDS, window=st.tuples(st.integers(-(10**6), 10**7), st.integers(0, 10**7)))
def test_recorded_time_has_neither_holes_nor_overlaps(
    tmp_path_factory: pytest.TempPathFactory,
    deeds: list[tuple[str, NodeState | None, int]],
    window: tuple[int, int],
) -> None:
    path = tmp_path_factory.mktemp("uptime") / "ledger.db"
    ledger = Ledger.open(path)
    now_ms, latest_ms, first_ms = START_MS, 0, None
    for deed, state, step_ms in deeds:
        now_ms += step_ms
        if deed == "kill":
            ledger.close()
            ledger = Ledger.open(path)
            continue
        if state is not None:
            ledger.begin_state(state, Reason.LOADING, "", now_ms)
            first_ms = now_ms if first_ms is None else first_ms
        else:
            ledger.alive(now_ms)
        latest_ms = max(latest_ms, now_ms)
    ledger.close()
    report = Report.open(path)

    assert report.verify() == []
    everything = report.intervals(0, FAR_MS, latest_ms)
    assert all(earlier.end_ms == later.start_ms for earlier, later in pairwise(everything))
    if first_ms is not None and everything:
        assert everything[0].start_ms == first_ms
        assert everything[-1].end_ms == latest_ms
    start_ms, end_ms = START_MS + window[0], START_MS + window[0] + window[1]
    clipped = report.intervals(start_ms, end_ms, latest_ms)
    assert all(start_ms <= each.start_ms < (each.end_ms or 0) <= end_ms for each in clipped)
    known_ms = sum((each.end_ms or 0) - each.start_ms for each in clipped)
    assert known_ms == sum(share.duration_ms for share in report.shares(start_ms, end_ms, latest_ms))
    if first_ms is not None:
        assert known_ms == max(0, min(end_ms, latest_ms) - max(start_ms, first_ms))
    report.close()
