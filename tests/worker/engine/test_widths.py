import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop.worker.engine.linear import AS_THEY_COME, Widths
from desktop.worker.engine.widths import chosen, quickest_widths

TIMES = st.fixed_dictionaries({width: st.floats(1e-4, 1) for width in range(1, 5)})


@pytest.mark.parametrize(
    ("took_ms", "widths"),
    [
        # Measured on one processor, 96 MiB of weights: with AVX-512 and with AVX2, one thread each.
        ([6.95, 8.24, 6.02, 5.56], Widths(4, 4, 4)),
        ([7.0, 6.4, 7.1, 7.5], Widths(2, 2, 3)),
        ([30.0, 29.9, 29.9, 29.8], AS_THEY_COME),
    ],
)
def test_the_quickest_is_chosen_where_it_gains_enough(took_ms: list[float], widths: Widths) -> None:
    assert chosen(dict(enumerate(took_ms, 1))) == widths


@given(TIMES)
def test_no_choice_is_slower_than_none_or_narrower_than_the_rows(took_s: dict[int, float]) -> None:
    widths = chosen(took_s)
    for rows in (1, 2, 3):
        width = widths.of(rows)
        assert took_s[width] <= took_s[AS_THEY_COME.of(rows)]
        assert rows <= width <= 4


def test_this_computer_can_be_measured() -> None:
    widths = quickest_widths(torch.device("cpu"), torch.float32)
    assert 1 <= widths.one <= 4
    assert 2 <= widths.two <= 4
    assert 3 <= widths.three <= 4


def test_what_is_not_packed_is_not_measured() -> None:
    assert quickest_widths(torch.device("cpu"), torch.bfloat16) is AS_THEY_COME
    assert quickest_widths(torch.device("meta"), torch.float32) is AS_THEY_COME
