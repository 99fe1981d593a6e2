"""Taking a token: its coins are swapped for ones only we know, and from then on the money is ours (NUT-03)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from coincurve import PublicKey

from desktop.domain.errors import TokenInvalid, TokenSpent, TokenWorthless
from desktop.wallet import coin_records, operation_records, tokens
from desktop.wallet.amounts import spread
from desktop.wallet.coin import Coin, total
from desktop.wallet.curve import carried_dleq_holds
from desktop.wallet.mint import Mint
from desktop.wallet.mints import Mints
from desktop.wallet.operation import OperationKind, OperationState
from desktop.wallet.operation_records import Plan, Record
from desktop.wallet.operations import Operations
from desktop.wallet.storage import Storage
from desktop.wallet.tokens import Token


class Receiving:
    """The incoming side of a wallet."""

    def __init__(self, operations: Operations, mints: Mints, storage: Storage) -> None:
        self._operations = operations
        self._mints = mints
        self._storage = storage

    def receive(self, token: Token, reference: str) -> Record:
        """Swap a token under a reference of the caller's. See `Wallet.receive`."""
        digest = token.digest
        self._take_over(digest, reference)
        record = self._operations.once(OperationKind.RECEIVE, reference, lambda: self._begin(token, digest, reference))
        if record.digest != digest:
            raise ValueError("this reference stands for another token")
        return record

    def _begin(self, token: Token, digest: str, reference: str) -> int:
        mint = self._mints.accepted_mint(token.mint)
        coins = self._genuine(mint, token)
        keyset = mint.active()
        fee = mint.fee(coins)
        gross = total(coins)
        if gross <= fee:
            raise TokenWorthless(
                f"The token holds {gross} sat, and its mint charges {fee} sat for taking it.", now="Send more."
            )
        plan = Plan(
            OperationKind.RECEIVE, reference, mint.url, gross - fee, gross, fee, digest, tokens.encode(mint.url, coins)
        )
        with self._storage.transaction() as db:
            twin = operation_records.find_receive(db, digest)
            if twin is not None and twin.operation.reference != reference:
                raise _spent()
            operation_id = self._operations.start(db, plan)
            held = Counter(coin.amount for coin in coin_records.free_coins(db, mint.url))
            stays = spread(gross - fee, keyset.denominations, held)
            operation_records.add_outputs(db, operation_id, keyset.id, stays=stays)
            return operation_id

    def _take_over(self, digest: str, reference: str) -> None:
        """Whoever comes again with a token that got stuck under another reference gets that operation.

        Otherwise "the mint did not answer, try again" would end in "already spent" if the mint had acted after all.
        """
        with self._storage.transaction() as db:
            twin = operation_records.find_receive(db, digest)
            mine = operation_records.find(db, OperationKind.RECEIVE, reference)
        if twin is None or twin.operation.reference == reference:
            return
        if mine is not None and mine.operation.state is not OperationState.FAILED:
            raise ValueError("this reference stands for another token")
        if twin.operation.state is OperationState.DONE or self._operations.claim(twin) is None:
            raise _spent()
        with self._storage.transaction() as db:
            operation_records.adopt(db, twin, reference)
            operation_records.stall(db, twin.id, twin.operation.changed_at_ms)

    def _genuine(self, mint: Mint, token: Token) -> list[Coin]:
        """The coins under their full keyset ids, checked as far as that goes without the mint (NUT-12)."""
        coins = [replace(coin, keyset_id=mint.resolve(coin.keyset_id).id) for coin in token.coins]
        for coin in coins:
            key = mint.recorded()[coin.keyset_id].point(coin.amount)
            if key is None:
                raise TokenInvalid("The token holds a coin of an amount its mint does not make.")
            if coin.dleq is not None and not carried_dleq_holds(
                coin.dleq, key=key, secret=coin.secret, unblinded=PublicKey(coin.signature)
            ):
                raise TokenInvalid("The token is forged.", why="Its proof of the mint's signature does not hold.")
        return coins


def _spent() -> TokenSpent:
    return TokenSpent("The token was already redeemed.", now="Send another one.")
