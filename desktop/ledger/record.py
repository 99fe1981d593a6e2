"""The ledger as its one writer sees it: every method is one transaction, durable when it returns.

Money operations carry a reference. Repeating one with the same reference changes nothing and returns False, so
whoever recovers from a crash may simply do everything again. The books and their sums are told in
`desktop.ledger.books`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from desktop.domain.errors import PaymentRequired
from desktop.domain.job import Job, JobState
from desktop.domain.money import MSAT_PER_SAT, Money
from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.domain.receipt import SignedReceipt
from desktop.ledger import books, jobs, uptime
from desktop.ledger.books import Kind, Movement
from desktop.ledger.jobs import Ending
from desktop.ledger.storage import Storage


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


@dataclass(frozen=True, slots=True)
class ReservedPayout:
    """Money set aside for a token that is not recorded as handed over yet."""

    account: str
    amount: Money
    reference: str
    reserved_at_ms: int


class Ledger:
    """The writer. Blocking; safe to call from any thread, one call at a time gets through.

    Besides the errors named at a method, each raises StorageUnusable if the disk refuses, with nothing half-written,
    and ValueError where the caller is mistaken (a finished job finished otherwise, a charge above what was held).
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._fresh = True

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the file. Raises DatabaseNewer or StorageUnusable."""
        return cls(Storage.open_to_write(path))

    def close(self) -> None:
        """Close the file."""
        self._storage.close()

    # Money in and out

    def deposit(self, account: str, mint: str, gross: Money, fee: Money, reference: str, at_ms: int) -> bool:
        """A buyer's token was redeemed: `gross` came in, the mint kept `fee` of it, the buyer is credited the rest."""
        wallet = books.wallet(mint)
        return self._post(
            (
                Movement(Kind.DEPOSIT, books.FUNDS, books.buyer(account), gross - fee),
                Movement(Kind.DEPOSIT_COINS, books.outside(mint), wallet, gross),
                Movement(Kind.DEPOSIT_FEE, wallet, books.fees(mint), fee),
            ),
            reference,
            at_ms,
        )

    def reserve_payout(self, account: str, reference: str, at_ms: int, amount: Money | None = None) -> Money:
        """Set money aside before a token is made of it, so that no job can spend it meanwhile.

        `amount` None means every whole sat that is available. Returns what is set aside under this reference, also if
        that was done earlier; zero if there is nothing to set aside. Raises PaymentRequired if `amount` is not there.
        """
        source = books.buyer(account)
        with self._storage.write() as db:
            known = db.execute(
                "SELECT amount_msat, name FROM transfers JOIN accounts ON accounts.id = from_id"
                " WHERE reference = ? AND kind = ?",
                (reference, Kind.PAYOUT_RESERVE.value),
            ).fetchone()
            if known is not None:
                if known[1] != source.name:
                    raise ValueError("the reference of this payout was used for another account")
                return Money(known[0])
            available = books.balance(db, source)
            wanted = Money.from_sat(available.whole_sat) if amount is None else amount
            _require(available, wanted)
            if wanted:
                movement = Movement(Kind.PAYOUT_RESERVE, source, books.HELD_PAYOUTS, wanted)
                books.post(db, (movement,), reference=reference, at_ms=at_ms)
            return wanted

    def reserved_payouts(self) -> list[ReservedPayout]:
        """Payouts that were reserved and not recorded as made: to be completed after a crash."""
        with self._storage.read() as db:
            if not books.balance(db, books.HELD_PAYOUTS):
                return []
            rows = db.execute(
                "SELECT name, amount_msat, reference, at_ms FROM transfers AS reserved"
                " JOIN accounts ON accounts.id = from_id"
                " WHERE kind = 'payout_reserve' AND NOT EXISTS ("
                "SELECT 1 FROM transfers WHERE reference = reserved.reference AND kind = 'payout') ORDER BY reserved.id"
            ).fetchall()
        return [
            ReservedPayout(name.removeprefix(books.BUYER_PREFIX), Money(msat), reference, at_ms)
            for name, msat, reference, at_ms in rows
        ]

    def payout_to_buyer(self, account: str, mint: str, amount: Money, fee: Money, reference: str, at_ms: int) -> bool:
        """A token of `amount` was made for the buyer; the mint's `fee` came on top and is our cost.

        Takes what `reserve_payout` set aside under the same reference, which must be exactly `amount`; without a
        reservation, takes it from the account. Raises PaymentRequired if the account holds less.
        """
        with self._storage.write() as db:
            reserved = db.execute(
                "SELECT amount_msat FROM transfers WHERE reference = ? AND kind = ?",
                (reference, Kind.PAYOUT_RESERVE.value),
            ).fetchone()
            source = books.buyer(account) if reserved is None else books.HELD_PAYOUTS
            if reserved is not None and reserved[0] != amount.msat:
                raise ValueError("a payout must be of the amount that was reserved for it")
            movements = _leaving(Kind.PAYOUT, source, mint, amount, fee)
            paid = db.execute(
                "SELECT 1 FROM transfers WHERE reference = ? AND kind = ?", (reference, Kind.PAYOUT.value)
            ).fetchone()
            if paid is None and reserved is None:
                _require(books.balance(db, source), amount)
            return books.post(db, movements, reference=reference, at_ms=at_ms)

    def owner_deposit(self, mint: str, amount: Money, fee: Money, reference: str, at_ms: int) -> bool:
        """The owner put `amount` in, of which the mint kept `fee`."""
        wallet = books.wallet(mint)
        return self._post(
            (
                Movement(Kind.OWNER_IN, books.FUNDS, books.OWNER, amount),
                Movement(Kind.OWNER_IN_COINS, books.outside(mint), wallet, amount),
                Movement(Kind.OWNER_IN_FEE, wallet, books.fees(mint), fee),
                Movement(Kind.OWNER_IN_COST, books.COSTS, books.FUNDS, fee),
            ),
            reference,
            at_ms,
        )

    def owner_withdrawal(self, mint: str, amount: Money, fee: Money, reference: str, at_ms: int) -> bool:
        """The owner took `amount` out (a payout or a token sent), which cost `fee` on top.

        Records what happened and refuses nothing: whether the money may leave is decided before it leaves.
        """
        return self._post(_leaving(Kind.OWNER_OUT, books.OWNER, mint, amount, fee), reference, at_ms)

    def round_down(self, account: str, reference: str, at_ms: int) -> Money:
        """What ecash cannot give back of an account, its part below one sat, is earned. Returns how much that was."""
        source = books.buyer(account)
        with self._storage.write() as db:
            rest = Money(books.balance(db, source).msat % MSAT_PER_SAT)
            known = db.execute(
                "SELECT 1 FROM transfers WHERE reference = ? AND kind = ?", (reference, Kind.ROUND_DOWN.value)
            ).fetchone()
            if known is not None or not rest:
                return Money()
            movement = Movement(Kind.ROUND_DOWN, source, books.EARNED, rest)
            books.post(db, (movement,), reference=reference, at_ms=at_ms)
            return rest

    # Jobs

    def accept_job(self, job: Job) -> bool:
        """Hold `job.held` of the buyer's money and write the job down, both or neither.

        Raises PaymentRequired if the account has too little. False if this very job was accepted before.
        """
        if job.state is not JobState.ACCEPTED:
            raise ValueError("a job starts as accepted")
        source = books.buyer(job.account)
        with self._storage.write() as db:
            known = jobs.find(db, job.id)
            if known is not None:
                if (known.account, known.held, known.model_id) != (job.account, job.held, job.model_id):
                    raise ValueError(f"job {job.id} was accepted on other terms")
                return False
            _require(books.balance(db, source), job.held)
            jobs.insert(db, job, books.ensure(db, source))
            if job.held:
                movement = Movement(Kind.HOLD, source, books.HELD_JOBS, job.held)
                books.post(db, (movement,), reference=job.id, at_ms=job.accepted_at_ms)
            return True

    def start_job(self, job_id: str, at_ms: int) -> None:
        """The worker has the job. May be left out: `Ending.started_at_ms` says the same in one write less."""
        with self._storage.write() as db:
            jobs.advance(jobs.require(db, job_id).state, JobState.RUNNING)
            db.execute("UPDATE jobs SET state = 'running', started_at_ms = ? WHERE id = ?", (at_ms, job_id))

    def first_token(self, job_id: str, at_ms: int) -> None:
        """The first token left. May be left out for `Ending.first_token_at_ms`."""
        with self._storage.write() as db:
            if jobs.require(db, job_id).state is not JobState.RUNNING:
                raise ValueError("only a running job has a first token")
            db.execute(
                "UPDATE jobs SET first_token_at_ms = coalesce(first_token_at_ms, ?) WHERE id = ?", (at_ms, job_id)
            )

    def finish_job(self, job_id: str, ending: Ending, receipt: SignedReceipt | None = None) -> bool:
        """End a job: the charge is earned, the rest of the hold goes back to the buyer, the receipt is kept.

        One transaction. False if the job had ended the same way before (then nothing changes, the receipt included).
        """
        with self._storage.write() as db:
            job = jobs.require(db, job_id)
            if job.state in jobs.TERMINAL:
                if (job.state, job.charged) != (ending.state, ending.charged):
                    raise ValueError(f"job {job_id} ended otherwise before")
                return False
            if not 0 <= ending.charged.msat <= job.held.msat:
                raise ValueError(f"job {job_id} may be charged up to what was held")
            if ending.charged and ending.state is JobState.FAILED:
                raise ValueError("a failed job costs nothing")
            if receipt is not None and (receipt.receipt.job_id, receipt.receipt.charged_msat) != (
                job_id,
                ending.charged.msat,
            ):
                raise ValueError("the receipt is for something else")
            jobs.finish(db, job, ending)
            ends = (
                Movement(Kind.CHARGE, books.HELD_JOBS, books.EARNED, ending.charged),
                Movement(Kind.RELEASE, books.HELD_JOBS, books.buyer(job.account), job.held - ending.charged),
            )
            for movement in ends:
                if movement.amount:
                    books.post(db, (movement,), reference=job_id, at_ms=ending.finished_at_ms)
            if receipt is not None:
                jobs.attach_receipt(db, job_id, receipt)
            return True

    def unfinished_jobs(self) -> list[Job]:
        """Jobs whose money is held: at start, those a crash left behind."""
        with self._storage.read() as db:
            rows = db.execute(f"{jobs.SELECT_JOBS} WHERE finished_at_ms IS NULL ORDER BY n").fetchall()
        return [jobs.job_from(row) for row in rows]

    def job(self, job_id: str) -> Job | None:
        """A job by its id."""
        with self._storage.read() as db:
            return jobs.find(db, job_id)

    # Accounts and session keys

    def balance(self, account: str) -> Money:
        """What a buyer may spend now; zero for an account nobody opened."""
        with self._storage.read() as db:
            return books.balance(db, books.buyer(account))

    def reserved(self, account: str) -> Money:
        """What is held for a buyer's running jobs."""
        return self.buyer_summary(account).reserved

    def buyer_summary(self, account: str) -> BuyerSummary:
        """A buyer's account at a glance."""
        with self._storage.read() as db:
            row = db.execute(
                "SELECT balance_msat, requests, spent_msat,"
                " (SELECT coalesce(sum(held_msat), 0) FROM jobs WHERE account_id = accounts.id"
                " AND finished_at_ms IS NULL) FROM accounts WHERE name = ?",
                (books.buyer(account).name,),
            ).fetchone()
        available, requests, spent, reserved = row or (0, 0, 0, 0)
        return BuyerSummary(Money(available), Money(reserved), requests, Money(spent))

    def add_key(self, key_hash: str, account: str, at_ms: int) -> bool:
        """A session key was issued; only its hash is kept. False if it is known already, for the same account."""
        with self._storage.write() as db:
            account_id = books.ensure(db, books.buyer(account))
            known = db.execute("SELECT account_id FROM session_keys WHERE key_hash = ?", (key_hash,)).fetchone()
            if known is not None:
                if known[0] != account_id:
                    raise ValueError("the session key belongs to another account")
                return False
            db.execute(
                "INSERT INTO session_keys (key_hash, account_id, opened_at_ms) VALUES (?, ?, ?)",
                (key_hash, account_id, at_ms),
            )
            return True

    def key(self, key_hash: str) -> SessionKey | None:
        """The key behind a hash, open or closed; None for one that was never issued here."""
        with self._storage.read() as db:
            row = db.execute(
                "SELECT name, opened_at_ms, closed_at_ms FROM session_keys JOIN accounts ON accounts.id = account_id"
                " WHERE key_hash = ?",
                (key_hash,),
            ).fetchone()
        return None if row is None else SessionKey(row[0].removeprefix(books.BUYER_PREFIX), row[1], row[2])

    def close_key(self, key_hash: str, at_ms: int) -> bool:
        """The key pays for nothing from now on; the first closing time stays. False if it was closed or unknown."""
        with self._storage.write() as db:
            closed = db.execute(
                "UPDATE session_keys SET closed_at_ms = ? WHERE key_hash = ? AND closed_at_ms IS NULL",
                (at_ms, key_hash),
            )
            return closed.rowcount == 1

    # Uptime

    def begin_state(self, state: NodeState, reason: Reason, detail: str, at_ms: int) -> None:
        """The node's state changed: ends the running interval and begins the next.

        The first call on this object also accounts for the time before it: if the last run did not end in OFF it was
        killed, and the time since its last sign of life is written down as OFF. A clean stop therefore ends with
        `begin_state(NodeState.OFF, Reason.STOPPED_BY_OWNER, …)`.
        """
        with self._storage.write() as db:
            uptime.begin(db, Interval(at_ms, None, state, reason, detail), fresh_process=self._fresh)
        self._fresh = False

    def alive(self, at_ms: int) -> None:
        """Vouch for the running state; call it about once a minute. Over three minutes of silence count as sleep."""
        with self._storage.write() as db:
            uptime.beat(db, at_ms)

    def _post(self, movements: tuple[Movement, ...], reference: str, at_ms: int) -> bool:
        with self._storage.write() as db:
            return books.post(db, movements, reference=reference, at_ms=at_ms)


def _leaving(kind: Kind, source: books.Account, mint: str, amount: Money, fee: Money) -> tuple[Movement, ...]:
    wallet = books.wallet(mint)
    return (
        Movement(kind, source, books.FUNDS, amount),
        Movement(Kind(f"{kind}_coins"), wallet, books.outside(mint), amount),
        Movement(Kind(f"{kind}_fee"), wallet, books.fees(mint), fee),
        Movement(Kind(f"{kind}_cost"), books.COSTS, books.FUNDS, fee),
    )


def _require(available: Money, wanted: Money) -> None:
    if wanted > available:
        raise PaymentRequired(
            "The balance is too small.",
            required_msat=wanted.msat,
            offered_msat=available.msat,
            why=f"{wanted} would be needed and {available} is there.",
            now="Top up the balance, or ask for less.",
        )
