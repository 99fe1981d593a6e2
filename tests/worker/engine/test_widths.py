import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop.worker.engine.linear import AS_THEY_COME, Widths
from desktop.worker.engine.widths import chosen, quickest_widths

TIMES = st.fixed_dictionaries({width: st.floats(1e-4, 1) for width in range(5)})


@pytest.mark.parametrize(
    ("took_ms", "widths"),
    [
        # Measured on one processor, whole weights of the bundled model: AVX-512 and AVX2, one thread and two.
        ([30.7, 99, 43.2, 29.9, 27.3], Widths(4, 4, 4)),
        ([31.0, 99, 24.9, 18.5, 17.3], Widths(4, 4, 4)),
        ([31.0, 99, 37.1, 40.4, 42.9], Widths(0, 2, 3)),
        ([30.3, 99, 24.9, 25.5, 26.6], Widths(2, 2, 3)),
        ([30.0, 29.9, 30.0, 29.9, 29.8], AS_THEY_COME),
    ],
)
def test_the_quickest_is_chosen_where_it_gains_enough(took_ms: list[float], widths: Widths) -> None:
    assert chosen(dict(enumerate(took_ms))) == widths


@given(TIMES)
def test_no_choice_is_slower_than_none_or_narrower_than_the_rows(took_s: dict[int, float]) -> None:
    widths = chosen(took_s)
    for rows in (1, 2, 3):
        width = widths.of(rows)
        assert took_s[width] <= took_s[AS_THEY_COME.of(rows)]
        assert width >= rows or (rows == 1 and width == 0)


def test_this_computer_can_be_measured() -> None:
    widths = quickest_widths(torch.device("cpu"), torch.float32)
    assert 0 <= widths.one <= 4
    assert 2 <= widths.two <= 4
    assert 3 <= widths.three <= 4


def test_what_is_not_packed_is_not_measured() -> None:
    assert quickest_widths(torch.device("cpu"), torch.bfloat16) is AS_THEY_COME
    assert quickest_widths(torch.device("meta"), torch.float32) is AS_THEY_COME
