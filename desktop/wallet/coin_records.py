"""Our coins in wallet.db. Every function runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from desktop.wallet.operation import SignedOutput
from desktop.wallet.selection import HeldCoin


@dataclass(frozen=True, slots=True)
class StoredCoin:
    """A coin as it is kept: without its secret, which the seed gives."""

    keyset_id: str
    counter: int
    amount: int
    signature: bytes
    dleq_e: bytes
    dleq_s: bytes

    def __repr__(self) -> str:
        return f"StoredCoin({self.amount})"


_COLUMNS = "keyset_id, counter, amount, signature, dleq_e, dleq_s"


def free_coins(db: Database, mint: str) -> list[HeldCoin]:
    """What can be spent at that mint."""
    rows = db.execute(
        "SELECT keyset_id, counter, amount, fee_ppk, active FROM coins JOIN keysets ON keysets.id = keyset_id"
        " WHERE state = 'free' AND mint = ?",
        [mint],
    ).fetchall()
    return [HeldCoin(keyset, counter, amount, fee, bool(active)) for keyset, counter, amount, fee, active in rows]


def sums_by_mint(db: Database, state: str) -> dict[str, int]:
    """Sats per mint in coins of that state."""
    rows = db.execute(
        "SELECT mint, sum(amount) FROM coins JOIN keysets ON keysets.id = keyset_id"
        " WHERE state = ? GROUP BY mint ORDER BY mint",
        [state],
    ).fetchall()
    return dict(rows)


def add_coin(db: Database, signed: SignedOutput, *, sent_by: int | None = None) -> None:
    """Keep a new coin: as free, or as gone out in the token of the operation `sent_by`."""
    db.execute(
        f"INSERT INTO coins ({_COLUMNS}, state, operation_id, sent_by) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",  # noqa: S608 - a constant
        [
            signed.output.keyset_id,
            signed.output.counter,
            signed.amount,
            signed.signature,
            signed.dleq_e,
            signed.dleq_s,
            "free" if sent_by is None else "sent",
            sent_by,
        ],
    )


def is_known(db: Database, keyset_id: str, counter: int) -> bool:
    """Whether that number is a coin of ours, or about to be one."""
    rows = db.execute(
        "SELECT 1 FROM coins WHERE keyset_id = :k AND counter = :c"
        " UNION ALL SELECT 1 FROM outputs WHERE keyset_id = :k AND counter = :c",
        {"k": keyset_id, "c": counter},
    ).fetchall()
    return bool(rows)


def reserve(db: Database, operation_id: int, coins: Iterable[HeldCoin | StoredCoin]) -> None:
    """Make coins the inputs of an operation."""
    for coin in coins:
        db.execute(
            "UPDATE coins SET state = 'reserved', operation_id = ? WHERE keyset_id = ? AND counter = ?",
            [operation_id, coin.keyset_id, coin.counter],
        )


def hand_out(db: Database, operation_id: int, coins: Iterable[HeldCoin]) -> None:
    """Make coins the token of an operation."""
    for coin in coins:
        db.execute(
            "UPDATE coins SET state = 'sent', sent_by = ? WHERE keyset_id = ? AND counter = ?",
            [operation_id, coin.keyset_id, coin.counter],
        )


def inputs_of(db: Database, operation_id: int) -> list[StoredCoin]:
    """The coins reserved for an operation."""
    return _load(db, "operation_id = ? AND state = 'reserved'", operation_id)


def token_of(db: Database, operation_id: int) -> list[StoredCoin]:
    """The coins that went out in an operation's token, in the order they stand there."""
    return _load(db, "sent_by = ?", operation_id)


def outstanding(db: Database, operation_id: int) -> list[StoredCoin]:
    """Those of them that nobody is known to have redeemed."""
    return _load(db, "sent_by = ? AND state = 'sent'", operation_id)


def coins_in_state(db: Database, mint: str, state: str) -> list[StoredCoin]:
    """All coins of that mint in that state."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM coins WHERE state = ? AND keyset_id IN (SELECT id FROM keysets WHERE mint = ?)",  # noqa: S608 - a constant
        [state, mint],
    ).fetchall()
    return [StoredCoin(*row) for row in rows]


def spend(db: Database, operation_id: int) -> None:
    """The mint has taken the inputs of this operation. Those that were in a token once stay, to tell that token."""
    db.execute(
        "UPDATE coins SET state = 'returned', operation_id = NULL WHERE operation_id = ? AND sent_by IS NOT NULL",
        [operation_id],
    )
    db.execute("DELETE FROM coins WHERE operation_id = ? AND sent_by IS NULL", [operation_id])


def release(db: Database, operation_id: int) -> None:
    """The mint has not taken the inputs of this operation, and will not."""
    db.execute(
        "UPDATE coins SET state = iif(sent_by IS NULL, 'free', 'sent'), operation_id = NULL"
        " WHERE operation_id = ? AND state = 'reserved'",
        [operation_id],
    )


def mark_spent(db: Database, coin: StoredCoin, *, was: str) -> bool:
    """Someone has spent this coin. True if it was in the state `was` until now, and nothing is done otherwise."""
    key = [coin.keyset_id, coin.counter, was]
    changed = db.execute(
        "UPDATE coins SET state = 'returned', operation_id = NULL"
        " WHERE keyset_id = ? AND counter = ? AND state = ? AND sent_by IS NOT NULL",
        key,
    ).rowcount
    changed += db.execute(
        "DELETE FROM coins WHERE keyset_id = ? AND counter = ? AND state = ? AND sent_by IS NULL", key
    ).rowcount
    return changed > 0


def _load(db: Database, where: str, operation_id: int) -> list[StoredCoin]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM coins WHERE {where} ORDER BY amount, keyset_id, counter",  # noqa: S608 - constants of this module
        [operation_id],
    ).fetchall()
    return [StoredCoin(*row) for row in rows]
