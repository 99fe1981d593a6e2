from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.wallet.amounts import MAX_SAT, blank_count, input_fee, split, spread

POWERS = [2**power for power in range(64)]
amounts = st.integers(min_value=0, max_value=MAX_SAT)
holdings = st.dictionaries(st.sampled_from(POWERS[:20]), st.integers(min_value=0, max_value=5))


@given(amounts)
def test_a_split_adds_up_and_is_as_short_as_can_be(amount: int) -> None:
    coins = split(amount, POWERS)
    assert sum(coins) == amount
    assert len(coins) == amount.bit_count()
    assert coins == sorted(coins)


@given(amounts, holdings)
def test_a_spread_adds_up_and_adds_a_dozen_coins_at_most(amount: int, held: dict[int, int]) -> None:
    coins = spread(amount, POWERS, held)
    assert sum(coins) == amount
    assert len(coins) <= amount.bit_length() + 12
    assert coins == sorted(coins)


@given(st.integers(min_value=200, max_value=100_000))
def test_what_a_spread_keeps_can_make_any_small_payment_exactly(amount: int) -> None:
    held = Counter(spread(amount, POWERS, {}))
    assert all(held[denomination] >= 2 for denomination in (1, 2, 4, 8, 16))


def test_small_coins_at_hand_are_not_made_again() -> None:
    assert spread(96, POWERS, dict.fromkeys(POWERS, 2)) == [32, 64]


@pytest.mark.parametrize(("amount", "denominations"), [(-1, POWERS), (3, [2, 4]), (10**15, [1]), (5, [])])
def test_what_cannot_be_split_is_an_error(amount: int, denominations: list[int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        split(amount, denominations)


@pytest.mark.parametrize(("count", "fee"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_the_input_fee_is_rounded_up_once(count: int, fee: int) -> None:
    assert input_fee([100] * count) == fee


@given(st.integers(min_value=0, max_value=MAX_SAT))
def test_blank_outputs_carry_any_change(most: int) -> None:
    assert blank_count(most) >= most.bit_count()
    assert most < 2 ** blank_count(most)
