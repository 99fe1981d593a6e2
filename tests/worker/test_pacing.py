from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.limits import LEAST_DUTY
from desktop.worker.pacing import DutyCycle


def share_of(duty: DutyCycle, steps_s: list[float], lateness_s: float, begin_s: float = 0.0) -> float:
    """Work step after step, waking up a little late each time; the share of the time that was work."""
    now_s, worked_s = begin_s, 0.0
    for step_s in steps_s:
        rest_s = duty.rest_s(now_s)
        now_s += rest_s + (lateness_s if rest_s else 0.0)
        duty.worked(now_s, now_s + step_s)
        now_s += step_s
        worked_s += step_s
    return worked_s / (now_s + duty.rest_s(now_s) - begin_s)


@given(
    st.floats(LEAST_DUTY, 1.0),
    st.lists(st.floats(0.001, 2.0), min_size=50, max_size=200),
    st.floats(0.0, 0.002),
)
def test_the_share_is_what_was_asked_for(share: float, steps_s: list[float], lateness_s: float) -> None:
    duty = DutyCycle()
    duty.change(share, 0.0)

    assert share_of(duty, steps_s, lateness_s) == pytest.approx(share, rel=0.02)


def test_without_a_share_there_is_no_rest() -> None:
    duty = DutyCycle()
    duty.worked(0.0, 5.0)

    assert duty.rest_s(5.0) == 0.0


def test_rests_are_as_short_as_the_steps() -> None:
    duty = DutyCycle()
    duty.change(0.5, 0.0)
    duty.worked(0.0, 0.06)

    assert duty.rest_s(0.06) == pytest.approx(0.06)


def test_idle_time_is_not_saved_up() -> None:
    duty = DutyCycle()
    duty.change(0.5, 0.0)
    duty.worked(0.0, 0.1)

    assert share_of(duty, [0.1] * 100, 0.0, begin_s=3600.0) == pytest.approx(0.5, rel=0.01)


def test_a_change_holds_at_once() -> None:
    duty = DutyCycle()
    duty.change(LEAST_DUTY, 0.0)
    duty.worked(0.0, 2.0)
    assert duty.rest_s(2.0) > 30

    duty.change(1.0, 2.0)

    assert duty.rest_s(2.0) == 0.0
