import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.money import Money
from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.domain.why import ADVICE, DAY_MS, STUCK, WEEK_MS, WORTH_ADVICE_MS, Work, explain, span_of

NOW_MS = 1_795_000_000_000
CAUSES = st.tuples(st.sampled_from(NodeState), st.sampled_from(Reason))
EARNING = (NodeState.EARNING, Reason.SERVING)
AWAY = (NodeState.PAUSED, Reason.OWNER_ACTIVE)
IDLE = (NodeState.READY, Reason.WAITING_FOR_REQUESTS)


@given(st.dictionaries(CAUSES, st.integers(0, DAY_MS // 40), max_size=30))
def test_shares_are_parts_of_the_span_longest_first(spent: dict[tuple[NodeState, Reason], int]) -> None:
    span = span_of(spent, DAY_MS, Work())

    assert sum(part.duration_ms for part in span.parts) == span.known_ms == sum(spent.values())
    assert sum(part.share for part in span.parts) == pytest.approx(span.known_share)
    assert [part.duration_ms for part in span.parts] == sorted((part.duration_ms for part in span.parts), reverse=True)
    assert all(part.duration_ms for part in span.parts)


@given(CAUSES, st.dictionaries(CAUSES, st.integers(1, DAY_MS // 40), max_size=30), st.integers(0, 50))
def test_whatever_happened_is_told_in_whole_sentences(
    cause: tuple[NodeState, Reason], spent: dict[tuple[NodeState, Reason], int], jobs: int
) -> None:
    work = Work(jobs, 0, Money(jobs * 100))
    why = explain(
        Interval(NOW_MS - 5000, None, *cause), NOW_MS, span_of(spent, DAY_MS, work), span_of(spent, WEEK_MS, work)
    )

    assert why.sentences
    assert all(str(each).endswith(".") and "{" not in str(each) for each in why.sentences)
    largest = why.day.largest
    assert (largest is None) == all(state is NodeState.EARNING for state, _ in spent)
    if cause[0] not in STUCK:
        lost = largest or why.week.largest
        told_so = lost is not None and lost.duration_ms >= WORTH_ADVICE_MS
        assert why.advice == (ADVICE.get(lost.reason) if lost is not None and told_so else None)


@pytest.mark.parametrize("cause", [(NodeState.FAULT, Reason.WORKER_FAILED), (NodeState.OFFLINE, Reason.NO_RELAY)])
def test_what_keeps_it_from_working_now_comes_before_what_once_did(cause: tuple[NodeState, Reason]) -> None:
    day = span_of({AWAY: DAY_MS // 2, EARNING: DAY_MS // 2}, DAY_MS, Work(7))
    assert explain(Interval(NOW_MS - 5000, None, *cause), NOW_MS, day, day).advice == ADVICE[cause[1]]


def test_a_day_is_explained_by_its_largest_loss() -> None:
    day = span_of({EARNING: DAY_MS // 4, AWAY: DAY_MS // 2, IDLE: DAY_MS // 4}, DAY_MS, Work(7, 1, Money(12_000)))
    why = explain(Interval(NOW_MS - 65_000, None, *IDLE), NOW_MS, day, span_of({EARNING: WEEK_MS}, WEEK_MS, Work()))

    assert [str(each) for each in why.sentences] == [
        "Ready now, and waiting for requests for 1 min.",
        "The last day brought 12 sat for 7 jobs, in 25.0 % of its time.",
        "Most of the other time of the last day, 50.0 %, was: paused, owner active.",
    ]
    assert why.advice == ADVICE[Reason.OWNER_ACTIVE]


def test_half_a_minute_of_loading_is_nothing_to_change_anything_for() -> None:
    day = span_of({(NodeState.STARTING, Reason.LOADING): 30_000, EARNING: 60_000}, DAY_MS, Work(1, 0, Money(5_000)))
    why = explain(Interval(NOW_MS - 60_000, None, *EARNING), NOW_MS, day, day)

    assert why.advice is None
    assert str(why.sentences[1]) == "The last day brought 5 sat for one job, in 0.1 % of its time."


def test_a_day_of_nothing_but_earning_points_at_the_week() -> None:
    week = span_of({EARNING: DAY_MS, AWAY: DAY_MS}, WEEK_MS, Work(1))
    why = explain(Interval(0, None, *EARNING), NOW_MS, span_of({EARNING: DAY_MS}, DAY_MS, Work(1)), week)

    assert "last week" in str(why.sentences[2])
    assert "28.6 %" in str(why.sentences[3])


def test_who_never_ran_is_told_so() -> None:
    why = explain(None, NOW_MS, span_of({}, DAY_MS, Work()), span_of({}, WEEK_MS, Work()))

    assert len(why.sentences) == 1
    assert why.advice is None


def test_every_reason_but_work_itself_has_advice() -> None:
    assert set(Reason) - ADVICE.keys() == {Reason.SERVING, Reason.SHUTTING_DOWN, Reason.MEASURING}
