"""Which of our coins to spend. Pure; amounts in sat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desktop.wallet.amounts import input_fee

_MOST_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class HeldCoin:
    """A coin of ours, as far as choosing it goes. `fee_ppk` is what spending it costs, in thousandths of a sat."""

    keyset_id: str
    counter: int
    amount: int
    fee_ppk: int
    active: bool


def fee_of(coins: Sequence[HeldCoin]) -> int:
    """What a mint charges for spending these together."""
    return input_fee(coin.fee_ppk for coin in coins)


def worth(coins: Sequence[HeldCoin]) -> int:
    """What these come to once spent together."""
    return sum(coin.amount for coin in coins) - fee_of(coins)


def choose_exact(coins: Sequence[HeldCoin], amount: int) -> list[HeldCoin] | None:
    """Coins that make exactly `amount` at face value, or None.

    Largest first finds them whenever they exist, as long as each denomination divides the next. Coins of keysets the
    mint has retired go first.
    """
    chosen: list[HeldCoin] = []
    rest = amount
    for coin in sorted(coins, key=lambda coin: (-coin.amount, coin.active, coin.counter)):
        if coin.amount <= rest:
            chosen.append(coin)
            rest -= coin.amount
    return None if rest else chosen


def choose_worth(coins: Sequence[HeldCoin], amount: int) -> list[HeldCoin] | None:
    """Coins that the receiver can turn into exactly `amount`, or one sat more where only that fits; or None."""
    # The fee depends on the choice and the choice on the fee. It grows with the number of coins only, so this ends.
    for fee in range(min(fee_of(coins), _MOST_TRIES) + 1):
        chosen = choose_exact(coins, amount + fee)
        if chosen is not None and fee - 1 <= fee_of(chosen) <= fee:
            return chosen
    return None


def choose_covering(coins: Sequence[HeldCoin], amount: int) -> list[HeldCoin] | None:
    """Coins worth at least `amount` after the fee for spending them, with little to spare; None if there are not."""
    chosen: list[HeldCoin] = []
    rest = sorted(coins, key=lambda coin: (-coin.amount, coin.active, coin.counter))
    for coin in list(rest):
        if worth([*chosen, coin]) <= amount:
            chosen.append(coin)
            rest.remove(coin)
    while worth(chosen) < amount:
        enough = [coin for coin in rest if worth([*chosen, coin]) >= amount]
        if not rest:
            return None
        coin = enough[-1] if enough else rest[0]
        chosen.append(coin)
        rest.remove(coin)
    for coin in sorted(chosen, key=lambda coin: coin.amount):
        fewer = [other for other in chosen if other is not coin]
        if worth(fewer) >= amount:
            chosen = fewer
    return chosen
