from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.control.answers import UptimeInterval
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.charts.cells import cells, shares
from desktop.ui.charts.scale import MOST_MARKS, marks
from desktop.ui.charts.spans import Span, Step, edges
from desktop.ui.wording import Mood

HOUR_MS = 3_600_000
QUARTER_MS = 900_000
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")]
MOMENTS = st.integers(1_600_000_000_000, 2_000_000_000_000)


@given(MOMENTS, st.sampled_from(Span), st.sampled_from(ZONES), st.integers(0, 3000))
def test_edges_ascend_hold_now_and_lie_on_quarters(now_ms: int, span: Span, zone: tzinfo, age_days: int) -> None:
    _, at = edges(span, now_ms, first_ms=now_ms - age_days * 24 * HOUR_MS, zone=zone)
    assert all(early < late for early, late in pairwise(at))
    assert at[-2] <= now_ms < at[-1]
    assert all(edge % QUARTER_MS == 0 for edge in at)
    assert len(at) <= 1200


@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)],
    ids=["spring", "autumn", "summer"],
)
def test_a_day_is_as_long_as_daylight_saving_makes_it(day: tuple[int, int, int], hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = round(datetime(*day, 12, tzinfo=berlin).timestamp() * 1000)
    step, at = edges(Span.WEEK, noon, zone=berlin)
    assert step is Step.DAY
    assert (at[-1] - at[-2]) / HOUR_MS == hours
    assert len(at) == 8


@pytest.mark.parametrize(("days", "step"), [(3, Step.DAY), (60, Step.DAY), (300, Step.WEEK), (900, Step.MONTH)])
def test_all_time_takes_longer_steps_the_older_it_is(days: int, step: Step) -> None:
    now = round(datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp() * 1000)
    found, at = edges(Span.ALL, now, first_ms=now - days * 24 * HOUR_MS, zone=ZoneInfo("UTC"))
    assert found is step
    assert at[0] <= now - days * 24 * HOUR_MS


@given(st.integers(-5, 10**18))
def test_marks_are_round_and_reach_above_the_highest(highest: int) -> None:
    found = marks(highest)
    assert found[0] == 0
    assert found[-1] >= highest
    assert 2 <= len(found) <= MOST_MARKS + 1
    assert found[-1] < max(highest, 1) * 10


def interval(start: int, end: int | None, state: NodeState) -> UptimeInterval:
    return UptimeInterval(start_ms=start, end_ms=end, state=state, reason=Reason.SERVING)


def test_a_cell_shows_what_filled_most_of_it_and_blank_is_before_the_first_start() -> None:
    found = cells(
        [
            interval(100, 160, NodeState.EARNING),
            interval(160, 200, NodeState.PAUSED),
            interval(200, None, NodeState.OFF),
        ],
        0,
        400,
        4,
    )
    assert found == (None, Mood.EARNING, Mood.OFF, Mood.OFF)


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(NodeState)), max_size=9), st.integers(1, 50))
def test_cells_and_shares_take_any_history(steps: list[tuple[int, NodeState]], count: int) -> None:
    at, made = -300, []
    for length, state in steps:
        made.append(interval(at, at + length, state))
        at += length
    assert len(cells(made, 0, 1000, count)) == count
    assert sum(shares(made, 0, 1000).values()) == pytest.approx(1.0) or not shares(made, 0, 1000)
