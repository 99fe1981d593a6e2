"""Making a token: from the coins at hand where they fit, through a swap where they do not. And taking one back."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlite_utils import Database

from desktop.domain.errors import FundsShort, TokenSpent
from desktop.wallet import coin_records, operation_records, tokens
from desktop.wallet.amounts import MAX_SAT, input_fee, split, spread
from desktop.wallet.derivation import SecretSource
from desktop.wallet.keyset import Keyset
from desktop.wallet.mint import Mint
from desktop.wallet.mints import Mints
from desktop.wallet.operation import OperationKind, OperationState, Sums
from desktop.wallet.operation_records import AlreadyBegun, Plan, Record
from desktop.wallet.operations import Operations
from desktop.wallet.results import Sent
from desktop.wallet.selection import HeldCoin, choose_covering, choose_exact, choose_worth, fee_of
from desktop.wallet.signing import whole
from desktop.wallet.storage import Storage

_TRIES: Final = 3


class Sending:
    """The outgoing side of a wallet."""

    def __init__(self, operations: Operations, mints: Mints, storage: Storage, source: SecretSource) -> None:
        self._operations = operations
        self._mints = mints
        self._storage = storage
        self._source = source

    def send(self, amount: int, url: str, reference: str, *, include_receive_fee: bool) -> Sent:
        """Make a token under a reference of the caller's. See `Wallet.send`."""
        if not 0 < amount <= MAX_SAT:
            raise ValueError("the amount to send must be positive, and at most all there is")
        mint = self._mints.known_mint(url)
        for _ in range(_TRIES):
            try:
                return self._send(amount, mint, reference, with_fee=include_receive_fee)
            except TokenSpent:
                # Some coins were spent behind our back, by a copy of this wallet perhaps. They are gone; use others.
                continue
        raise FundsShort("Coins of this wallet were spent elsewhere.", now="Check the wallet, then try again.")

    def reclaim(self, reference: str) -> Record | None:
        """Take a token back that nobody redeemed. See `Wallet.reclaim`."""
        with self._storage.transaction() as db:
            sent = operation_records.find(db, OperationKind.SEND, reference)
        if sent is None or sent.operation.state is OperationState.FAILED:
            return None
        sent = self._operations.once(OperationKind.SEND, reference, _never)
        mint = self._mints.known_mint(sent.operation.mint)
        for _ in range(_TRIES):
            with self._storage.transaction() as db:
                left = coin_records.outstanding(db, sent.id)
                taken = operation_records.find(db, OperationKind.RECLAIM, reference)
            if not left and (taken is None or taken.operation.state is OperationState.FAILED):
                return None
            try:
                return self._operations.once(OperationKind.RECLAIM, reference, lambda: self._begin_reclaim(mint, sent))
            except TokenSpent:
                # A part of it was redeemed; what is left can still be taken back.
                continue
        return None

    def token_of(self, record: Record) -> Sent:
        """The token of a finished sending: the very same one every time."""
        with self._storage.transaction() as db:
            stored = coin_records.token_of(db, record.id)
        operation = record.operation
        token = tokens.encode(operation.mint, whole(self._source, stored))
        return Sent(token, operation.amount_sat, operation.face_sat, operation.fee_sat, operation.mint)

    def _send(self, amount: int, mint: Mint, reference: str, *, with_fee: bool) -> Sent:
        def attempt() -> Record:
            return self._operations.once(
                OperationKind.SEND, reference, lambda: self._begin(amount, mint, reference, with_fee=with_fee)
            )

        record = self._operations.patiently(mint.url, attempt)
        if record.operation.amount_sat != amount or record.operation.mint != mint.url:
            raise ValueError("this reference stands for another token")
        return self.token_of(record)

    def _begin(self, amount: int, mint: Mint, reference: str, *, with_fee: bool) -> int:
        with self._storage.transaction() as db:
            free = coin_records.free_coins(db, mint.url)
            chosen = choose_worth(free, amount) if with_fee else choose_exact(free, amount)
            if chosen is not None:
                return self._hand_out(db, Plan(OperationKind.SEND, reference, mint.url, amount, amount, 0), chosen)
        keyset = mint.active()
        leaves = _leaving(amount, keyset, with_fee=with_fee)
        with self._storage.transaction() as db:
            free = coin_records.free_coins(db, mint.url)
            chosen = choose_covering(free, sum(leaves))
            if chosen is None:
                raise _short(mint, amount, free)
            fee = fee_of(chosen)
            plan = Plan(OperationKind.SEND, reference, mint.url, amount, sum(leaves), fee)
            operation_id = self._operations.start(db, plan)
            coin_records.reserve(db, operation_id, chosen)
            held = Counter(coin.amount for coin in free) - Counter(coin.amount for coin in chosen)
            stays = spread(sum(coin.amount for coin in chosen) - fee - sum(leaves), keyset.denominations, held)
            operation_records.add_outputs(db, operation_id, keyset.id, stays=stays, leaves=leaves)
            return operation_id

    def _hand_out(self, db: Database, plan: Plan, chosen: list[HeldCoin]) -> int:
        operation_id = self._operations.start(db, plan)
        coin_records.hand_out(db, operation_id, chosen)
        sums = Sums(plan.amount_sat, sum(coin.amount for coin in chosen), 0)
        operation_records.finish(db, operation_id, sums, self._operations.now_ms())
        return operation_id

    def _begin_reclaim(self, mint: Mint, sent: Record) -> int:
        keyset = mint.active()
        with self._storage.transaction() as db:
            left = coin_records.outstanding(db, sent.id)
            face = sum(coin.amount for coin in left)
            fee = _fee(db, [coin.keyset_id for coin in left])
            if face <= fee:
                raise TokenSpent("There is nothing left to take back.")
            plan = Plan(OperationKind.RECLAIM, sent.operation.reference, mint.url, face - fee, face, fee)
            operation_id = self._operations.start(db, plan)
            coin_records.reserve(db, operation_id, left)
            held = Counter(coin.amount for coin in coin_records.free_coins(db, mint.url))
            stays = spread(face - fee, keyset.denominations, held)
            operation_records.add_outputs(db, operation_id, keyset.id, stays=stays)
            return operation_id


def _fee(db: Database, keyset_ids: list[str]) -> int:
    fees = dict(db.execute("SELECT id, fee_ppk FROM keysets").fetchall())
    return input_fee(fees[keyset_id] for keyset_id in keyset_ids)


def _leaving(amount: int, keyset: Keyset, *, with_fee: bool) -> list[int]:
    """The coins of the token; with the receiver's fee on top, if asked for."""
    coins = split(amount, keyset.denominations)
    extra = 0
    while with_fee and input_fee([keyset.fee_ppk] * len(coins)) > extra:
        extra += 1
        coins = split(amount + extra, keyset.denominations)
    return coins


def _never() -> int:
    raise AlreadyBegun


def _short(mint: Mint, amount: int, free: list[HeldCoin]) -> FundsShort:
    have = sum(coin.amount for coin in free)
    return FundsShort(
        f"The wallet holds {have} sat at {mint.url}; {amount} sat and the mint's fee are needed.",
        now="Add money, or use another mint.",
    )
