from hypothesis import given
from hypothesis import strategies as st

from desktop.downloads.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_steady_stream_tells_rate_and_rest() -> None:
    clock = Clock()
    pace = Pace(1000, 11_000, clock)
    for second in range(1, 6):
        clock.now_s = second
        progress = pace.at(1000 + second * 1000)

    assert (progress.bytes_per_s, progress.left_s) == (1000, 5)


def test_nothing_is_claimed_in_the_first_moment() -> None:
    progress = Pace(0, 10, Clock()).at(5)

    assert (progress.bytes_per_s, progress.left_s) == (None, None)


@given(st.lists(st.tuples(st.floats(0, 60), st.integers(0, 10**9)), max_size=40))
def test_a_rate_is_never_negative_and_a_rest_never_without_a_total(steps: list[tuple[float, int]]) -> None:
    clock, done = Clock(), 0
    known, unknown = Pace(0, 10**12, clock), Pace(0, None, clock)
    for wait_s, more in steps:
        clock.now_s += wait_s
        done += more
        progress = known.at(done)
        assert (progress.bytes_per_s or 0) >= 0
        assert (progress.left_s or 0) >= 0
        assert unknown.at(done).left_s is None
