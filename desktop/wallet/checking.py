"""Our books against the mint's: does it confirm every coin we count (NUT-07)?"""

from __future__ import annotations

from desktop.wallet import coin_records
from desktop.wallet.executor import Executor
from desktop.wallet.mint import Mint
from desktop.wallet.results import MintCheck
from desktop.wallet.signing import whole


class Checking:
    """Checks the wallet of an executor."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def check(self, mint: Mint) -> MintCheck:
        """Ask for the state of every coin at that mint. What was spent leaves the balance, and the tokens sent."""
        spent = pending = 0
        for state in ("free", "sent"):
            with self._executor.storage.transaction() as db:
                stored = coin_records.coins_in_state(db, mint.url, state)
            views = self._executor.states(mint, whole(self._executor.source, stored))
            with self._executor.storage.transaction() as db:
                for coin, view in zip(stored, views, strict=True):
                    # One that an operation has taken since we looked is that operation's to account for.
                    if view == "SPENT" and coin_records.mark_spent(db, coin, was=state) and state == "free":
                        spent += coin.amount
                    elif view == "PENDING" and state == "free":
                        pending += coin.amount
        with self._executor.storage.transaction() as db:
            held = coin_records.sums_by_mint(db, "free").get(mint.url, 0)
        return MintCheck(mint.url, held, pending, spent)
