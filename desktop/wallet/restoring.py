"""From the seed alone: all coins a mint ever signed for it, and which of them are still unspent (NUT-13, NUT-09)."""

from __future__ import annotations

from typing import Final

from desktop.wallet import coin_records
from desktop.wallet.executor import Executor
from desktop.wallet.keyset_records import raise_counter
from desktop.wallet.mint import Mint
from desktop.wallet.operation import Output, SignedOutput
from desktop.wallet.results import Restored
from desktop.wallet.signing import whole

_BATCH: Final = 100
_EMPTY_BATCHES: Final = 3


class Restoring:
    """Restores into the wallet of an executor."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def restore(self, mint: Mint) -> Restored:
        """Go through every keyset of the mint until three batches in a row are empty."""
        restored = pending = 0
        for keyset_id in mint.keysets(anew=True):
            first, empty = 0, 0
            while empty < _EMPTY_BATCHES:
                blanks = [Output(keyset_id, counter, 0) for counter in range(first, first + _BATCH)]
                found = self._executor.look_for(mint, blanks)
                empty = 0 if found else empty + 1
                first += _BATCH
                if found:
                    kept, caught_up = self._keep(mint, keyset_id, found)
                    restored, pending = restored + kept, pending + caught_up
        return Restored(mint.url, restored, pending)

    def _keep(self, mint: Mint, keyset_id: str, found: list[SignedOutput]) -> tuple[int, int]:
        coins = whole(self._executor.source, [_stored(one) for one in found])
        states = self._executor.states(mint, coins)
        kept = pending = 0
        with self._executor.storage.transaction() as db:
            raise_counter(db, keyset_id, max(one.output.counter for one in found) + 1)
            for one, state in zip(found, states, strict=True):
                if state == "SPENT" or coin_records.is_known(db, keyset_id, one.output.counter):
                    continue
                if state == "PENDING":
                    pending += one.amount
                    continue
                coin_records.add_coin(db, one)
                kept += one.amount
        return kept, pending


def _stored(one: SignedOutput) -> coin_records.StoredCoin:
    return coin_records.StoredCoin(
        one.output.keyset_id, one.output.counter, one.amount, one.signature, one.dleq_e, one.dleq_s
    )
