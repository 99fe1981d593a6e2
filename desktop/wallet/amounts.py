"""How a sum becomes coins: denominations, fees, and which coins to ask for. Pure arithmetic, in sat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

MAX_SAT: Final = 100_000_000_000
"""A thousand bitcoin. Whoever names more to a wallet like this is mistaken or hostile."""

MAX_COINS: Final = 512
"""No operation makes more coins than this; mints refuse far longer lists."""

_WANTED_EACH: Final = 2
_MOST_EXTRA: Final = 12
_PPK: Final = 1000


def input_fee(fees_ppk: Iterable[int]) -> int:
    """What the mint charges for spending inputs with these fees (NUT-02): their sum in thousandths, rounded up once."""
    return (sum(fees_ppk) + _PPK - 1) // _PPK


def split(amount: int, denominations: Sequence[int]) -> list[int]:
    """The fewest coins that make `amount`, ascending (NUT-03 asks for that order, it hides what is being paid).

    Correct for keysets in which each denomination divides the next, as all known ones do. Raises ValueError if the
    amount cannot be made from these denominations.
    """
    if amount < 0:
        raise ValueError("a negative amount cannot be split")
    coins: list[int] = []
    rest = amount
    for denomination in sorted(denominations, reverse=True):
        count, rest = divmod(rest, denomination)
        if len(coins) + count > MAX_COINS:
            raise ValueError("the keyset has no coins large enough for this amount")
        coins += [denomination] * count
    if rest:
        raise ValueError("the keyset has no coins small enough for this amount")
    return coins[::-1]


def spread(amount: int, denominations: Sequence[int], held: Mapping[int, int]) -> list[int]:
    """Coins for `amount` that we keep ourselves: small ones are topped up to two each, the rest are as few as can be.

    `held` counts the coins already there by denomination. With two of each small coin most later payments can be
    made exactly, without asking the mint first. At most a dozen coins are added for it, since each costs a fee when
    it is spent.
    """
    coins: list[int] = []
    rest = amount
    for denomination in sorted(denominations):
        room = _MOST_EXTRA - len(coins)
        take = min(_WANTED_EACH - held.get(denomination, 0), rest // denomination, room)
        if room <= 0 or denomination > rest:
            break
        if take > 0:
            coins += [denomination] * take
            rest -= take * denomination
    return sorted(coins + split(rest, denominations))


def blank_count(most_change: int) -> int:
    """How many blank outputs can carry any change up to `most_change` (NUT-08), given power-of-two denominations.

    One more than the NUT's formula where `most_change` is a power of two itself: then all of it can come back too.
    """
    return most_change.bit_length()
