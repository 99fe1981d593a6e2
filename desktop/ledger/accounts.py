"""Buyers' accounts and the session keys that open them; keys are known by their hash only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from desktop.domain.money import Money
from desktop.ledger import books


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What is known of a session key by its hash."""

    account: str
    opened_at_ms: int
    closed_at_ms: int | None

    @property
    def closed(self) -> bool:
        """Whether the key no longer pays for anything."""
        return self.closed_at_ms is not None


@dataclass(frozen=True, slots=True)
class BuyerSummary:
    """A buyer's account: spendable, set aside for running jobs, ended jobs so far and what they cost."""

    available: Money
    reserved: Money
    requests: int
    spent: Money


def summary(db: Database, account: str) -> BuyerSummary:
    """A buyer's account at a glance; all zero for one that was never opened."""
    row = db.execute(
        "SELECT balance_msat, requests, spent_msat,"
        " (SELECT coalesce(sum(held_msat), 0) FROM jobs WHERE account_id = accounts.id AND finished_at_ms IS NULL)"
        " FROM accounts WHERE name = ?",
        (books.buyer(account).name,),
    ).fetchone()
    available, requests, spent, reserved = row or (0, 0, 0, 0)
    return BuyerSummary(Money(available), Money(reserved), requests, Money(spent))


def add_key(db: Database, key_hash: str, account: str, at_ms: int) -> bool:
    """Let a key open an account. False if it does already; ValueError if it opens another one."""
    known = find_key(db, key_hash)
    if known is not None:
        if known.account != account:
            raise ValueError("the session key belongs to another account")
        return False
    db.execute(
        "INSERT INTO session_keys (key_hash, account_id, opened_at_ms) VALUES (?, ?, ?)",
        (key_hash, books.ensure(db, books.buyer(account)), at_ms),
    )
    return True


def find_key(db: Database, key_hash: str) -> SessionKey | None:
    """The key behind a hash, open or closed; None for one that was never issued here."""
    row = db.execute(
        "SELECT name, opened_at_ms, closed_at_ms FROM session_keys JOIN accounts ON accounts.id = account_id"
        " WHERE key_hash = ?",
        (key_hash,),
    ).fetchone()
    return None if row is None else SessionKey(row[0].removeprefix(books.BUYER_PREFIX), row[1], row[2])


def close_key(db: Database, key_hash: str, at_ms: int) -> bool:
    """End a key; False if it is unknown or had ended before, and then its first closing time stays."""
    closed = db.execute(
        "UPDATE session_keys SET closed_at_ms = ? WHERE key_hash = ? AND closed_at_ms IS NULL", (at_ms, key_hash)
    )
    return closed.rowcount == 1
