from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.machine.devices.meter import Meter

RANGE_J = 262_143.0


def test_power_is_the_mean_between_two_readings() -> None:
    meter = Meter()
    meter.count(0, 1000.0)
    assert meter.power_w is None

    meter.count(2000, 1300.0)

    assert meter.power_w == 150.0
    assert meter.energy_j == 1300.0


def test_a_counter_that_wraps_goes_on() -> None:
    meter = Meter(RANGE_J)
    meter.count(0, RANGE_J - 50)

    meter.count(1000, 30.0)

    assert meter.energy_j == RANGE_J + 30
    assert meter.power_w == 80.0


def test_a_counter_that_starts_anew_adds_nothing_made_up() -> None:
    meter = Meter()
    meter.count(0, 90_000.0)
    meter.count(1000, 10.0)
    assert (meter.energy_j, meter.power_w) == (90_000.0, None)

    meter.count(2000, 110.0)

    assert (meter.energy_j, meter.power_w) == (90_100.0, 100.0)


def test_a_wrapping_counter_that_jumps_is_no_energy() -> None:
    meter = Meter(RANGE_J)
    meter.count(0, 200_000.0)

    meter.count(1000, 5.0)  # a wrap would have been 62 kW

    assert meter.energy_j == 200_000.0


def test_a_reading_that_is_missing_leaves_the_sum() -> None:
    meter = Meter()
    meter.count(0, 100.0)
    meter.count(1000, None)
    assert (meter.energy_j, meter.power_w) == (100.0, None)

    meter.count(2000, 300.0)

    assert (meter.energy_j, meter.power_w) == (300.0, 100.0)


readings = st.lists(st.tuples(st.integers(-2000, 5000), st.none() | st.floats(-1e6, 1e9)), max_size=40)


@given(readings, st.none() | st.just(RANGE_J))
def test_whatever_a_counter_does_the_sum_never_falls(readings: list[tuple[int, float | None]], wraps: float) -> None:
    meter = Meter(wraps)
    at_ms, least = 0, None
    for step_ms, raw_j in readings:
        at_ms += step_ms
        meter.count(at_ms, raw_j)
        assert meter.power_w is None or meter.power_w >= 0
        if least is not None:
            assert meter.energy_j is not None
            assert meter.energy_j >= least
        least = meter.energy_j
