from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.benchmark import Change, Part, Unit, compare
from desktop.domain.steadiness import agree, summarise

samples = st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=40)


@given(samples, st.integers(0, 2**63))
def test_the_interval_holds_the_median_and_lies_within_the_samples(values: list[float], seed: int) -> None:
    found = summarise(values, seed)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found == summarise(values, seed)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(1)
    held = 0
    for seed in range(200):
        found = summarise([chance.gauss(100.0, 3.0) for _ in range(15)], seed)
        held += found.low <= 100.0 <= found.high
    assert held >= 180


def test_steady_and_unsteady() -> None:
    assert not summarise([100, 101, 99, 100, 100.5], 0).unsteady
    assert summarise([100, 130, 70, 100, 115], 0).unsteady
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        summarise([], 0)


def test_three_windows_must_agree() -> None:
    assert not agree([100, 100])
    assert agree([50, 100, 101, 100])
    assert not agree([100, 103, 100])


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_change_is_told_only_beyond_both_intervals(now: int, before: int) -> None:
    def part(median: int) -> Part:
        return Part("p", Unit.TOKENS, median, median * 99 // 100, median * 101 // 100 + 1, 10)

    told = compare(part(now), part(before))
    assert told in {Change.MORE, Change.LESS, Change.WITHIN_NOISE}
    assert (
        compare(part(before), part(now))
        is {
            Change.MORE: Change.LESS,
            Change.LESS: Change.MORE,
            Change.WITHIN_NOISE: Change.WITHIN_NOISE,
        }[told]
    )
    assert compare(part(now), None) is compare(part(now), Part("p", Unit.TOKENS)) is Change.UNKNOWN
