from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from desktop.wallet.selection import HeldCoin, choose_covering, choose_exact, choose_worth, worth

amounts = st.lists(st.sampled_from([1, 2, 4, 8, 16, 32]), max_size=8)
targets = st.integers(min_value=1, max_value=120)
fees = st.sampled_from([0, 100, 500, 1000])


def purse(amounts: list[int], fee_ppk: int = 100) -> list[HeldCoin]:
    return [HeldCoin("00" * 8, counter, amount, fee_ppk, active=True) for counter, amount in enumerate(amounts)]


def subsets(coins: list[HeldCoin]) -> list[list[HeldCoin]]:
    return [list(subset) for size in range(1, len(coins) + 1) for subset in combinations(coins, size)]


def is_subset(chosen: list[HeldCoin], coins: list[HeldCoin]) -> bool:
    counters = [coin.counter for coin in chosen]
    return len(set(counters)) == len(counters) and set(counters) <= {coin.counter for coin in coins}


@given(amounts, targets)
def test_exact_coins_are_found_whenever_they_exist(held: list[int], target: int) -> None:
    coins = purse(held)
    chosen = choose_exact(coins, target)
    possible = any(sum(coin.amount for coin in subset) == target for subset in subsets(coins))
    assert (chosen is not None) == possible
    if chosen is not None:
        assert sum(coin.amount for coin in chosen) == target
        assert is_subset(chosen, coins)


@given(amounts, targets, fees)
def test_covering_coins_are_found_whenever_they_exist(held: list[int], target: int, fee_ppk: int) -> None:
    coins = purse(held, fee_ppk)
    chosen = choose_covering(coins, target)
    possible = any(worth(subset) >= target for subset in subsets(coins))
    assert (chosen is not None) == possible
    if chosen is not None:
        assert worth(chosen) >= target
        assert is_subset(chosen, coins)
        for coin in chosen:
            assert worth([other for other in chosen if other is not coin]) < target, "no coin is superfluous"


@given(amounts, targets, fees)
def test_coins_with_the_receivers_fee_are_worth_the_amount_to_him(held: list[int], target: int, fee_ppk: int) -> None:
    chosen = choose_worth(purse(held, fee_ppk), target)
    if chosen is not None:
        assert 0 <= worth(chosen) - target <= 1


def test_coins_of_retired_keysets_go_first() -> None:
    old = HeldCoin("00" * 8, 0, 8, 100, active=False)
    new = HeldCoin("01" * 8, 0, 8, 100, active=True)
    assert choose_exact([new, old], 8) == [old]
    assert choose_covering([new, old], 7) == [old]
