"""Coins: a secret with the mint's signature on it. The NUTs call them proofs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from desktop.wallet.curve import Dleq, hash_to_curve


@dataclass(frozen=True, slots=True)
class Coin:
    """A bearer coin as it stands in a token. Whoever knows `secret` and `signature` owns it, so `repr` hides both.

    `keyset_id` may be a short one as long as the coin comes straight from a token (NUT-00).
    """

    keyset_id: str
    amount: int
    secret: str
    signature: bytes
    dleq: Dleq | None = None
    witness: str | None = None

    def __repr__(self) -> str:
        return f"Coin({self.amount} of {self.keyset_id})"

    @property
    def y(self) -> str:
        """The point a mint knows the coin by when asked for its state (NUT-07), in hex."""
        return hash_to_curve(self.secret.encode()).format().hex()


def total(coins: Iterable[Coin]) -> int:
    """The face value of these coins."""
    return sum(coin.amount for coin in coins)
