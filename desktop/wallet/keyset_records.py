"""Keysets and their counters in wallet.db. Every function runs inside the caller's transaction."""

from __future__ import annotations

import json

from sqlite_utils import Database

from desktop.wallet.derivation import derivation_path
from desktop.wallet.keyset import Keyset

_COLUMNS = "id, unit, active, fee_ppk, final_expiry, keys"


def load_keysets(db: Database, mint: str) -> dict[str, Keyset]:
    """The keysets of that mint which we have seen, by id."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM keysets WHERE mint = ?", [mint]).fetchall()  # noqa: S608 - a constant
    return {
        keyset_id: Keyset(
            id=keyset_id,
            unit=unit,
            active=bool(active),
            fee_ppk=fee_ppk,
            final_expiry=final_expiry,
            keys={int(amount): bytes.fromhex(key) for amount, key in json.loads(keys).items()},
        )
        for keyset_id, unit, active, fee_ppk, final_expiry, keys in rows
    }


def save_keyset(db: Database, mint: str, keyset: Keyset) -> bool:
    """Record a keyset, or the present fee and activity of a known one.

    False, with nothing changed, if the id or its secrets belong to another mint or to other keys (NUT-02: such a
    keyset must not be used).
    """
    keys = json.dumps({str(amount): key.hex() for amount, key in sorted(keyset.keys.items())})
    path = derivation_path(keyset.id)
    known = db.execute(
        "SELECT id, mint, unit, keys FROM keysets WHERE id = ? OR path = ?", [keyset.id, path]
    ).fetchall()
    if known and known != [(keyset.id, mint, keyset.unit, keys)]:
        return False
    db.execute(
        "INSERT INTO keysets (id, mint, unit, active, fee_ppk, final_expiry, keys, path)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET active = excluded.active, fee_ppk = excluded.fee_ppk",
        [keyset.id, mint, keyset.unit, keyset.active, keyset.fee_ppk, keyset.final_expiry, keys, path],
    )
    return True


def known_mints(db: Database) -> list[str]:
    """Every mint that was ever accepted and contacted."""
    return [mint for (mint,) in db.execute("SELECT DISTINCT mint FROM keysets ORDER BY mint").fetchall()]


def take_counters(db: Database, keyset_id: str, count: int) -> list[int]:
    """That many numbers no coin was ever made from.

    Numbers that were given back come first: many unused ones in a row would stop a restore from the seed too early
    (NUT-13 gives up after three hundred), and strangers could cause that by sending us spent tokens.
    """
    rows = db.execute(
        "SELECT counter FROM spare_counters WHERE keyset_id = ? ORDER BY counter LIMIT ?", [keyset_id, count]
    ).fetchall()
    spare = [counter for (counter,) in rows]
    for counter in spare:
        db.execute("DELETE FROM spare_counters WHERE keyset_id = ? AND counter = ?", [keyset_id, counter])
    first = next_counter(db, keyset_id)
    fresh = range(first, first + count - len(spare))
    db.execute("UPDATE keysets SET next_counter = ? WHERE id = ?", [fresh.stop, keyset_id])
    return [*spare, *fresh]


def next_counter(db: Database, keyset_id: str) -> int:
    """The first number never taken."""
    ((first,),) = db.execute("SELECT next_counter FROM keysets WHERE id = ?", [keyset_id]).fetchall()
    return int(first)


def give_back_counter(db: Database, keyset_id: str, counter: int) -> None:
    """Say that nothing was, and nothing will be, signed for this number."""
    db.execute("INSERT OR IGNORE INTO spare_counters (keyset_id, counter) VALUES (?, ?)", [keyset_id, counter])


def raise_counter(db: Database, keyset_id: str, at_least: int) -> None:
    """Make sure that numbers below `at_least` are never taken again."""
    db.execute("UPDATE keysets SET next_counter = max(next_counter, ?) WHERE id = ?", [at_least, keyset_id])
    db.execute("DELETE FROM spare_counters WHERE keyset_id = ? AND counter < ?", [keyset_id, at_least])
