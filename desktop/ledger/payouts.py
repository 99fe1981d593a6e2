"""Money on its way back to a buyer: set aside first, then recorded as handed over."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from desktop.domain.money import MSAT_PER_SAT, Money
from desktop.ledger import books
from desktop.ledger.books import Account, Kind, Movement


@dataclass(frozen=True, slots=True)
class ReservedPayout:
    """Money set aside for a token that is not recorded as handed over yet."""

    account: str
    amount: Money
    reference: str
    reserved_at_ms: int


def reserve(db: Database, account: str, amount: Money | None, *, reference: str, at_ms: int) -> Money:
    """Set aside `amount`, or every whole sat; what was set aside before under this reference, if anything was."""
    source = books.buyer(account)
    known = books.written(db, reference, Kind.PAYOUT_RESERVE)
    if known is not None:
        if known.source != source.name:
            raise ValueError("the reference of this payout was used for another account")
        return known.amount
    available = books.balance(db, source)
    wanted = Money.from_sat(available.whole_sat) if amount is None else amount
    books.require(available, wanted)
    if wanted:
        movement = Movement(Kind.PAYOUT_RESERVE, source, books.HELD_PAYOUTS, wanted)
        books.post(db, (movement,), reference=reference, at_ms=at_ms)
    return wanted


def reserved(db: Database) -> list[ReservedPayout]:
    """What is set aside and not handed over, oldest first."""
    if not books.balance(db, books.HELD_PAYOUTS):
        return []
    rows = db.execute(
        "SELECT name, amount_msat, reference, at_ms FROM transfers AS reserved JOIN accounts ON accounts.id = from_id"
        " WHERE kind = 'payout_reserve' AND NOT EXISTS"
        " (SELECT 1 FROM transfers WHERE reference = reserved.reference AND kind = 'payout') ORDER BY reserved.id"
    ).fetchall()
    return [
        ReservedPayout(name.removeprefix(books.BUYER_PREFIX), Money(msat), reference, at_ms)
        for name, msat, reference, at_ms in rows
    ]


def pay(db: Database, account: str, mint: str, amount: Money, fee: Money, *, reference: str, at_ms: int) -> bool:
    """Record a token as handed over, out of its reservation if there is one, else out of the account."""
    source = books.buyer(account)
    reservation = books.written(db, reference, Kind.PAYOUT_RESERVE)
    if reservation is not None:
        if (reservation.source, reservation.amount) != (source.name, amount):
            raise ValueError("a payout must be what was reserved for it")
        source = books.HELD_PAYOUTS
    elif books.written(db, reference, Kind.PAYOUT) is None:
        books.require(books.balance(db, source), amount)
    return books.post(db, leaving(Kind.PAYOUT, source, mint, amount, fee), reference=reference, at_ms=at_ms)


def round_down(db: Database, account: str, *, reference: str, at_ms: int) -> Money:
    """Earn the part of an account below one sat, once per reference; returns how much that was."""
    source = books.buyer(account)
    rest = Money(books.balance(db, source).msat % MSAT_PER_SAT)
    if not rest or books.written(db, reference, Kind.ROUND_DOWN) is not None:
        return Money()
    books.post(db, (Movement(Kind.ROUND_DOWN, source, books.EARNED, rest),), reference=reference, at_ms=at_ms)
    return rest


def leaving(kind: Kind, source: Account, mint: str, amount: Money, fee: Money) -> tuple[Movement, ...]:
    """The movements of coins that leave us: `amount` on somebody's behalf, the mint's `fee` on top at our cost."""
    wallet = books.wallet(mint)
    return (
        Movement(kind, source, books.FUNDS, amount),
        Movement(Kind(f"{kind}_coins"), wallet, books.outside(mint), amount),
        Movement(Kind(f"{kind}_fee"), wallet, books.fees(mint), fee),
        Movement(Kind(f"{kind}_cost"), books.COSTS, books.FUNDS, fee),
    )
