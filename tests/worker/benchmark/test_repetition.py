"""Repeating within a time, by a clock that only moves when a block says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.benchmark import Part, Unit
from desktop.worker.benchmark.repetition import BLOCKS, LEAST, SETS, Named, Steps, T, guarded, measure, settle

WHAT = Named("a thing", Unit.TOKENS, 1000.0)


class Bench:
    """Blocks that take a time and give a rate from a list; `begun` and `closed` are counted."""

    def __init__(self, rates: Iterator[float], takes_s: float, steps: int = 1) -> None:
        self.now_s = 0.0
        self.rates = rates
        self.takes_s = takes_s
        self.steps = steps
        self.begun = 0
        self.closed = 0

    def clock(self) -> float:
        return self.now_s

    def block(self) -> Steps[float]:
        self.begun += 1
        try:
            for _ in range(self.steps):
                self.now_s += self.takes_s / self.steps
                yield
            return next(self.rates)
        finally:
            self.closed += 1

    def measured(self, until_s: float) -> Part:
        return drain(measure(WHAT, self.block, until_s=until_s, clock=self.clock, seed=1))


def drain(steps: Steps[T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result


def forever(*values: float) -> Iterator[float]:
    while True:
        yield from values


def test_ten_steady_blocks_are_enough() -> None:
    bench = Bench(forever(100.0, 101.0), 1.0)
    part = bench.measured(1000.0)
    assert (part.blocks, part.unsteady) == (BLOCKS, False)
    assert part.low is not None
    assert part.high is not None
    assert 100_000 <= part.low <= (part.median or 0) <= part.high <= 101_000
    assert bench.begun == BLOCKS


def test_unsteady_blocks_are_measured_anew_and_then_told_as_unsteady() -> None:
    bench = Bench(forever(50.0, 100.0, 150.0), 1.0)
    assert bench.measured(1000.0).unsteady
    assert bench.begun == SETS * BLOCKS


def test_a_set_that_became_steady_counts() -> None:
    rates = iter([50.0, 150.0] * (BLOCKS // 2) + [100.0] * BLOCKS)
    part = Bench(rates, 1.0).measured(1000.0)
    assert (part.median, part.low, part.high, part.unsteady) == (100_000, 100_000, 100_000, False)


def test_no_second_set_is_begun_that_would_not_fit() -> None:
    bench = Bench(forever(50.0, 150.0), 1.0)
    assert bench.measured(BLOCKS * 1.5).unsteady
    assert bench.begun == BLOCKS


@given(st.floats(0.01, 20.0), st.floats(0.0, 30.0), st.integers(1, 5))
def test_the_time_is_kept_to_one_step_and_nothing_is_left_open(takes_s: float, time_s: float, steps: int) -> None:
    bench = Bench(forever(100.0), takes_s, steps)
    part = bench.measured(time_s)
    assert bench.now_s <= time_s + takes_s / steps + 1e-6
    assert bench.begun == bench.closed
    if part.median is None:
        assert "no time" in part.note
        assert bench.now_s + LEAST * takes_s > time_s
    else:
        assert part.blocks >= LEAST


def test_warming_up_ends_when_three_windows_agree() -> None:
    bench = Bench(iter([50.0, 80.0, 95.0, 100.0, 100.5, 99.5, 1.0]), 1.0)
    rates, settled = drain(settle(bench.block, until_s=100.0, clock=bench.clock))
    assert settled
    assert len(rates) == 6


def test_warming_up_says_if_it_never_settled() -> None:
    bench = Bench(forever(50.0, 100.0), 1.0)
    rates, settled = drain(settle(bench.block, until_s=7.5, clock=bench.clock))
    assert not settled
    assert len(rates) == 8


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory.\nmore"), MemoryError("none")])
def test_what_the_device_refuses_is_not_measured(error: Exception) -> None:
    def run() -> Steps[Part]:
        yield
        raise error

    part = drain(guarded(WHAT, run()))
    assert part.median is None
    assert part.note.startswith("The device refused: ")
    assert "\n" not in part.note
