from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.device import Telemetry
from desktop.node.metering import LONGEST_COUNTED_GAP_MS, LONGEST_GAP_MS, DeviceMeter, Measured, Slice, between

START_MS = 1_795_000_000_000


def at(ms: int, *, energy_j: float | None = None, power_w: float | None = None) -> Telemetry:
    return Telemetry(START_MS + ms, energy_j=energy_j, power_w=power_w)


def used(before: Telemetry, after: Telemetry) -> int | None:
    piece = between(before, after)
    assert piece is not None
    return piece.energy_mj


def test_a_counter_is_believed_before_power() -> None:
    assert used(at(0, energy_j=100, power_w=10), at(1000, energy_j=150, power_w=10)) == 50_000
    assert used(at(0, power_w=10), at(1000, power_w=20)) == 15_000
    assert used(at(0), at(1000)) is None


@pytest.mark.parametrize("raw_j", [99.9, 0.0, 1e9, 100.0])
def test_a_counter_that_wraps_jumps_or_stands_still_leaves_it_to_power(raw_j: float) -> None:
    assert used(at(0, energy_j=100, power_w=10), at(1000, energy_j=raw_j, power_w=20)) == 15_000
    assert used(at(0, energy_j=100), at(1000, energy_j=raw_j)) == (0 if raw_j == 100.0 else None)


def test_a_gap_is_bridged_by_a_counter_only_and_sleep_by_nothing() -> None:
    gap = LONGEST_GAP_MS + 1
    assert used(at(0, power_w=10), at(gap, power_w=10)) is None
    assert used(at(0, energy_j=1), at(gap, energy_j=2)) == 1000
    assert used(at(0, energy_j=1), at(LONGEST_COUNTED_GAP_MS + 1, energy_j=2)) is None


def test_time_that_does_not_pass_is_no_slice() -> None:
    assert between(at(5, power_w=1), at(5, power_w=1)) is None
    assert between(at(5, power_w=1), at(4, power_w=1)) is None


def run(meter: DeviceMeter, powers: list[float], start_ms: int = 0) -> list[Measured]:
    """One reading a second."""
    found = [meter.observe(at(start_ms + 1000 * n, power_w=power)) for n, power in enumerate(powers)]
    return [each for each in found if each is not None]


def test_a_job_pays_for_what_is_above_idle() -> None:
    meter = DeviceMeter()
    run(meter, [20] * 6)
    assert meter.idle_w == 20
    meter.began("a", START_MS + 5000)
    meter.ended("a", START_MS + 7000)
    (first, second) = run(meter, [120, 120], 6000)

    # From 20 to 120 W within the first second, then a second at 120 W.
    assert first == Measured(Slice(START_MS + 5000, START_MS + 6000, 70_000), 50_000, ())
    assert second.work_mj == 100_000
    assert [(took.job_id, took.work_mj) for took in second.ended] == [("a", 150_000)]


def test_jobs_share_by_the_time_they_were_at_work() -> None:
    meter = DeviceMeter()
    run(meter, [20] * 6)
    meter.began("long", START_MS + 5000)
    meter.began("short", START_MS + 5750)
    (piece,) = run(meter, [180], 6000)
    assert piece.work_mj == 80_000
    meter.ended("long", START_MS + 6000)
    meter.ended("short", START_MS + 6000)
    (last,) = run(meter, [180], 7000)
    assert {took.job_id: took.work_mj for took in last.ended} == {"long": 64_000, "short": 16_000}


def test_a_job_without_a_known_idle_power_or_reading_is_unknown_not_free() -> None:
    meter = DeviceMeter()
    meter.began("a", START_MS)
    run(meter, [100, 100])
    meter.ended("a", START_MS + 1500)
    (piece,) = run(meter, [100], 2000)
    assert [took.work_mj for took in piece.ended] == [None]
    run(meter, [20] * 6, 3000)
    meter.began("b", START_MS + 8000)
    meter.observe(at(9000))  # the device fell silent for one reading
    meter.ended("b", START_MS + 9500)
    (piece,) = run(meter, [100], 10_000)
    assert [took.work_mj for took in piece.ended] == [None]


def test_a_clock_set_back_loses_a_job_but_never_counts_twice() -> None:
    meter = DeviceMeter()
    run(meter, [20] * 6, 100_000)
    meter.began("a", START_MS + 105_000)
    meter.ended("a", START_MS + 105_500)
    assert meter.observe(at(0, power_w=100)) is None
    (piece,) = run(meter, [100], 1000)
    assert [(took.job_id, took.work_mj) for took in piece.ended] == [("a", None)]
    assert piece.slice.energy_mj == 100_000


READINGS = st.lists(
    st.tuples(
        st.integers(-2000, 400_000),
        st.one_of(st.none(), st.floats(0, 1e7)),
        st.one_of(st.none(), st.floats(0, 5000)),
        st.sampled_from(["began", "ended", ""]),
        st.integers(0, 3),
    ),
    max_size=60,
)


@given(READINGS)
def test_jobs_never_take_more_than_was_used_and_each_is_told_once(
    readings: list[tuple[int, float | None, float | None, str, int]],
) -> None:
    meter, now_ms, open_jobs, serial = DeviceMeter(), 0, dict[int, str](), 0
    told: list[str] = []
    taken = work = 0
    for step_ms, energy_j, power_w, event, place in readings:
        if event == "began" and place not in open_jobs:
            serial += 1
            open_jobs[place] = f"job-{serial}"
            meter.began(open_jobs[place], START_MS + now_ms)
        elif event == "ended" and place in open_jobs:
            meter.ended(open_jobs.pop(place), START_MS + now_ms)
        now_ms += step_ms
        measured = meter.observe(replace(at(now_ms), energy_j=energy_j, power_w=power_w))
        if measured is None:
            continue
        assert 0 <= measured.work_mj <= (measured.slice.energy_mj or 0)
        work += measured.work_mj
        told += [took.job_id for took in measured.ended]
        taken += sum(took.work_mj or 0 for took in measured.ended)
    assert len(told) == len(set(told))
    assert taken <= work
    assert not set(told) & set(open_jobs.values())
