"""The ledger as its one writer sees it: every method is one transaction, durable when it returns.

Money operations carry a reference. Repeating one with the same reference changes nothing and returns False, so
whoever recovers from a crash may simply do everything again. The books and their sums are told in
`desktop.ledger.books`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from desktop.domain.job import Job
from desktop.domain.money import Money
from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.domain.receipt import SignedReceipt
from desktop.ledger import accounts, benchmarks, books, energy, jobs, payouts, uptime
from desktop.ledger.accounts import BuyerSummary, SessionKey
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.books import Kind, Movement
from desktop.ledger.energy import JobEnergy, Metered
from desktop.ledger.jobs import Ending
from desktop.ledger.payouts import ReservedPayout
from desktop.ledger.storage import Storage


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
        with self._storage.write() as db:
            return payouts.reserve(db, account, amount, reference=reference, at_ms=at_ms)

    def reserved_payouts(self) -> list[ReservedPayout]:
        """Payouts that were reserved and not recorded as made: to be completed after a crash."""
        with self._storage.read() as db:
            return payouts.reserved(db)

    def payout_to_buyer(self, account: str, mint: str, amount: Money, fee: Money, reference: str, at_ms: int) -> bool:
        """A token of `amount` was made for the buyer; the mint's `fee` came on top and is our cost.

        Takes what `reserve_payout` set aside under the same reference, which must be exactly `amount`; without a
        reservation, takes it from the account. Raises PaymentRequired if the account holds less.
        """
        with self._storage.write() as db:
            return payouts.pay(db, account, mint, amount, fee, reference=reference, at_ms=at_ms)

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
        return self._post(payouts.leaving(Kind.OWNER_OUT, books.OWNER, mint, amount, fee), reference, at_ms)

    def round_down(self, account: str, reference: str, at_ms: int) -> Money:
        """What ecash cannot give back of an account, its part below one sat, is earned. Returns how much that was."""
        with self._storage.write() as db:
            return payouts.round_down(db, account, reference=reference, at_ms=at_ms)

    # Jobs

    def accept_job(self, job: Job) -> bool:
        """Hold `job.held` of the buyer's money and write the job down, both or neither.

        Raises PaymentRequired if the account has too little. False if this very job was accepted before.
        """
        with self._storage.write() as db:
            return jobs.accept(db, job)

    def start_job(self, job_id: str, at_ms: int) -> None:
        """The worker has the job. May be left out: `Ending.started_at_ms` says the same in one write less."""
        with self._storage.write() as db:
            jobs.start(db, job_id, at_ms)

    def first_token(self, job_id: str, at_ms: int) -> None:
        """The first token left. May be left out for `Ending.first_token_at_ms`."""
        with self._storage.write() as db:
            jobs.mark_first_token(db, job_id, at_ms)

    def finish_job(self, job_id: str, ending: Ending, receipt: SignedReceipt | None = None) -> bool:
        """End a job: the charge is earned, the rest of the hold goes back to the buyer, the receipt is kept.

        One transaction. False if the job had ended the same way before (then nothing changes, the receipt included).
        """
        with self._storage.write() as db:
            return jobs.finish(db, job_id, ending, receipt)

    def add_energy(self, rows: Sequence[Metered], jobs: Sequence[JobEnergy] = ()) -> list[JobEnergy]:
        """What devices used and what ended jobs took of it; returns the jobs that have not ended yet, to be retried.

        Not to be repeated: measurements are added to what is there. A job's energy that was noted before stays.
        """
        with self._storage.write() as db:
            energy.add(db, rows)
            return [job for job in jobs if not energy.note(db, job)]

    def unfinished_jobs(self) -> list[Job]:
        """Jobs whose money is held: at start, those a crash left behind."""
        with self._storage.read() as db:
            return jobs.unfinished(db)

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
            return accounts.summary(db, account)

    def newest_transfer_ms(self) -> int:
        """When money last moved; zero before it ever did."""
        with self._storage.read() as db:
            row = db.execute("SELECT at_ms FROM transfers ORDER BY id DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0

    def wallets(self) -> dict[str, Money]:
        """What our proofs should be worth, by mint."""
        with self._storage.read() as db:
            return books.balances(db, books.WALLET_PREFIX)

    def mint_of(self, account: str) -> str | None:
        """The mint a buyer last paid with, so that change goes back where it came from; None before any deposit."""
        with self._storage.read() as db:
            row = db.execute(
                "SELECT outside.name FROM transfers AS claim"
                " JOIN transfers AS coins ON coins.reference = claim.reference AND coins.kind = 'deposit_coins'"
                " JOIN accounts AS outside ON outside.id = coins.from_id"
                " WHERE claim.kind = 'deposit' AND claim.to_id = (SELECT id FROM accounts WHERE name = ?)"
                " ORDER BY claim.id DESC LIMIT 1",
                (books.buyer(account).name,),
            ).fetchone()
        return None if row is None else str(row[0]).removeprefix(books.OUTSIDE_PREFIX)

    def add_key(self, key_hash: str, account: str, at_ms: int) -> bool:
        """A session key was issued; only its hash is kept. False if it is known already, for the same account."""
        with self._storage.write() as db:
            return accounts.add_key(db, key_hash, account, at_ms)

    def key(self, key_hash: str) -> SessionKey | None:
        """The key behind a hash, open or closed; None for one that was never issued here."""
        with self._storage.read() as db:
            return accounts.find_key(db, key_hash)

    def close_key(self, key_hash: str, at_ms: int) -> bool:
        """The key pays for nothing from now on; the first closing time stays. False if it was closed or unknown."""
        with self._storage.write() as db:
            return accounts.close_key(db, key_hash, at_ms)

    # Benchmarks

    def keep_benchmark(self, run: KeptBenchmark) -> bool:
        """Write down what was measured. False if that report is there already."""
        with self._storage.write() as db:
            return benchmarks.keep(db, run)

    def newest_benchmark(self) -> str:
        """The digest of the newest report; empty before the first."""
        with self._storage.read() as db:
            return next((run.digest for run in benchmarks.newest(db, 1)), "")

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

    def slept(self, start_ms: int, end_ms: int) -> None:
        """The computer slept in [start, end), as its clocks told; shorter sleeps than `alive` notices, too."""
        with self._storage.write() as db:
            uptime.sleep(db, start_ms, end_ms)

    def _post(self, movements: tuple[Movement, ...], reference: str, at_ms: int) -> bool:
        with self._storage.write() as db:
            return books.post(db, movements, reference=reference, at_ms=at_ms)
