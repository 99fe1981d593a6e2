"""Money as movements between named accounts: the rules of the two books.

A transfer moves a positive amount from one account to another, so no row can be unbalanced and every balance is a sum.
Two books describe the same sats from two sides; each sums to zero on its own:

coins   where the ecash is
    wallet:<mint>    what the proofs we hold should be worth
    outside:<mint>   everybody else: buyers' tokens, our payouts (the mirror, negative or positive)
    fees:<mint>      what the mint kept
claims  whose it is
    buyer:<id>       what we owe a buyer; never below zero
    held:jobs        set aside for jobs that have not ended; never below zero
    held:payouts     set aside for tokens that are being made for buyers; never below zero
    earned           charges and rounding, all time; only grows
    owner            what the owner put in, less what the owner took out; negative once earnings are taken out
    costs            mint fees we paid ourselves; zero or negative
    funds            the mirror of the wallets: minus the sum of all claims

Every operation moves the same amount in both books, so at every commit

    sum(wallet:*) = -funds = sum(buyer:*) + held:jobs + held:payouts + earned + owner + costs
    sum(fees:*)   = fees taken out of buyers' deposits - costs
    what is the owner's to spend = earned + owner + costs

A fee on a buyer's deposit is the buyer's; every other fee is ours. `desktop.ledger.check` proves these sums.
Not covered: whether the proofs are still unspent. That is the wallet's knowledge; the node compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from sqlite_utils import Database

from desktop.domain.errors import PaymentRequired
from desktop.domain.money import Money

MOST_MSAT: Final = 21_000_000 * 100_000_000 * 1000  # all bitcoin there will be: more is a mistake, and fits 63 bits


@dataclass(frozen=True, slots=True)
class Account:
    """A named place for money. A `floored` one cannot fall below zero: the database refuses."""

    name: str
    book: Literal["coins", "claims"] = "claims"
    floored: bool = False


HELD_JOBS: Final = Account("held:jobs", floored=True)
HELD_PAYOUTS: Final = Account("held:payouts", floored=True)
EARNED: Final = Account("earned", floored=True)
OWNER: Final = Account("owner")
COSTS: Final = Account("costs")
FUNDS: Final = Account("funds")

BUYER_PREFIX: Final = "buyer:"
WALLET_PREFIX: Final = "wallet:"
OUTSIDE_PREFIX: Final = "outside:"
FEES_PREFIX: Final = "fees:"


def buyer(account: str) -> Account:
    """The account of a buyer; `account` is a hash that names nobody."""
    return Account(BUYER_PREFIX + account, floored=True)


def wallet(mint: str) -> Account:
    """Our ecash at that mint. Not floored: a coin that left has left, whatever the books said before."""
    return Account(WALLET_PREFIX + mint, book="coins")


def outside(mint: str) -> Account:
    """Everybody else's ecash at that mint."""
    return Account(OUTSIDE_PREFIX + mint, book="coins")


def fees(mint: str) -> Account:
    """What that mint kept."""
    return Account(FEES_PREFIX + mint, book="coins")


class Kind(StrEnum):
    """What a transfer is for. With its reference it is unique, which makes every operation safe to repeat."""

    DEPOSIT = "deposit"
    DEPOSIT_COINS = "deposit_coins"
    DEPOSIT_FEE = "deposit_fee"
    HOLD = "hold"
    CHARGE = "charge"
    RELEASE = "release"
    ROUND_DOWN = "round_down"
    PAYOUT_RESERVE = "payout_reserve"
    PAYOUT = "payout"
    PAYOUT_COINS = "payout_coins"
    PAYOUT_FEE = "payout_fee"
    PAYOUT_COST = "payout_cost"
    OWNER_IN = "owner_in"
    OWNER_IN_COINS = "owner_in_coins"
    OWNER_IN_FEE = "owner_in_fee"
    OWNER_IN_COST = "owner_in_cost"
    OWNER_OUT = "owner_out"
    OWNER_OUT_COINS = "owner_out_coins"
    OWNER_OUT_FEE = "owner_out_fee"
    OWNER_OUT_COST = "owner_out_cost"


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer to be; an amount of zero leaves no row."""

    kind: Kind
    source: Account
    target: Account
    amount: Money


@dataclass(frozen=True, slots=True)
class Written:
    """A transfer that happened, by the names of its accounts."""

    source: str
    target: str
    amount: Money


def post(db: Database, movements: Sequence[Movement], *, reference: str, at_ms: int) -> bool:
    """Write the movements of one operation; False if that reference was written before, with the same first movement.

    The first movement must be of more than zero. Raises ValueError for amounts out of range, and for a reference that
    was used for another operation: both are mistakes of the caller, not of the world.
    """
    for movement in movements:
        if not 0 <= movement.amount.msat <= MOST_MSAT:
            raise ValueError(f"{movement.kind} of {movement.amount.msat} msat is out of range")
    first = movements[0]
    if not first.amount:
        raise ValueError(f"{first.kind} of nothing")
    known = written(db, reference, first.kind)
    if known is not None:
        if known != Written(first.source.name, first.target.name, first.amount):
            raise ValueError(f"the reference of this {first.kind} was used for another one")
        return False
    db.conn.executemany(
        "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (at_ms, ensure(db, row.source), ensure(db, row.target), row.amount.msat, row.kind.value, reference)
            for row in movements
            if row.amount
        ],
    )
    return True


def written(db: Database, reference: str, kind: Kind) -> Written | None:
    """The transfer of that kind under that reference, if there is one."""
    row = db.execute(
        "SELECT source.name, target.name, amount_msat FROM transfers"
        " JOIN accounts AS source ON source.id = from_id JOIN accounts AS target ON target.id = to_id"
        " WHERE reference = ? AND kind = ?",
        (reference, kind.value),
    ).fetchone()
    return None if row is None else Written(row[0], row[1], Money(row[2]))


def require(available: Money, wanted: Money) -> None:
    """Raise PaymentRequired unless that much is there."""
    if wanted > available:
        raise PaymentRequired(
            "The balance is too small.",
            required_msat=wanted.msat,
            offered_msat=available.msat,
            why=f"{wanted} would be needed and {available} is there.",
            now="Top up the balance, or ask for less.",
        )


def ensure(db: Database, account: Account) -> int:
    """The row id of an account, opened if it is new."""
    row = db.execute("SELECT id FROM accounts WHERE name = ?", (account.name,)).fetchone()
    if row is None:
        row = db.execute(
            "INSERT INTO accounts (name, book, floored) VALUES (?, ?, ?) RETURNING id",
            (account.name, account.book, account.floored),
        ).fetchone()
    (row_id,) = row
    return int(row_id)


def balance(db: Database, account: Account) -> Money:
    """The balance of an account; zero for one that does not exist."""
    row = db.execute("SELECT balance_msat FROM accounts WHERE name = ?", (account.name,)).fetchone()
    return Money(row[0] if row else 0)


def balances(db: Database, prefix: str) -> dict[str, Money]:
    """Balances of all accounts of a kind, by what follows the prefix: `balances(db, WALLET_PREFIX)` by mint."""
    rows = db.execute(
        "SELECT name, balance_msat FROM accounts WHERE name >= ? AND name < ? ORDER BY name",
        (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
    )
    return {name.removeprefix(prefix): Money(msat) for name, msat in rows.fetchall()}
