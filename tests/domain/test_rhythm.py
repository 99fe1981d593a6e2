import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.rhythm import until_beat

PAUSES = st.sampled_from([0.1, 0.2, 1.0, 2.0, 15.0])
TIMES = st.floats(0, 1e8)


@given(TIMES, PAUSES)
def test_no_pause_is_empty_or_much_too_long(now_s: float, every_s: float) -> None:
    pause_s = until_beat(now_s, every_s)
    assert 0.009 * every_s < pause_s <= 1.011 * every_s


@given(TIMES, PAUSES)
def test_a_beat_is_a_whole_multiple_and_the_next_comes_a_pause_later(now_s: float, every_s: float) -> None:
    beat_s = now_s + until_beat(now_s, every_s)
    assert beat_s / every_s == pytest.approx(round(beat_s / every_s), abs=1e-6)
    assert until_beat(beat_s, every_s) == pytest.approx(every_s, rel=0.02, abs=1e-6)


@given(TIMES)
def test_who_looks_seldom_wakes_with_who_looks_often(now_s: float) -> None:
    seldom_s = now_s + until_beat(now_s, 1.0)
    often_s = now_s
    while often_s < seldom_s - 0.001:
        often_s += until_beat(often_s, 0.1)
    assert often_s == pytest.approx(seldom_s, abs=1e-3)
