"""Brings wallet and ledger to the same page: after a crash, and after the owner moved money by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.domain.job import JobState
from desktop.domain.money import Money
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.node import references
from desktop.node.books import Books
from desktop.node.references import Purpose
from desktop.wallet.operation import Operation, OperationKind, OperationState

INCOMING: Final = frozenset({OperationKind.RECEIVE, OperationKind.RECLAIM, OperationKind.MINT})
# What a crash left out is minutes old; a week leaves room for a command line that was killed beside a running node.
LOOK_BACK_MS: Final = 7 * 24 * 3_600_000
AT_WORK_MS: Final = 120_000
CRASHED: Final = "the node ended while this job ran"


class History(Protocol):
    """The wallet's memory of what it did."""

    def recover(self) -> Sequence[object]:
        """Finish or undo what a session that died left half-done."""
        ...

    def operations(self, *, since_ms: int) -> Iterable[Operation]:
        """Operations changed since then."""
        ...

    def balance(self) -> Mapping[str, int]:
        """Spendable sats by mint."""
        ...


@dataclass(frozen=True, slots=True)
class Healed:
    """What a start found to do: movements the ledger did not have, jobs a crash had left running."""

    booked: int
    refunded_jobs: int


class Bookkeeping:
    """Books what the wallet did and the ledger does not know, under the same references; safe to repeat."""

    def __init__(self, history: History, books: Books, now_ms: Callable[[], int]) -> None:
        self._history = history
        self._books = books
        self._now_ms = now_ms

    async def heal(self) -> Healed:
        """At start: recover the wallet, book what is missing, give back what jobs were holding.

        Only the process that runs the node may call this: it takes every unfinished job for dead.
        """
        await asyncio.to_thread(self._history.recover)
        booked = await self._book(lambda _: True)
        refunded = await self._books.run(self._fail_unfinished)
        return Healed(booked, refunded)

    async def catch_up(self) -> int:
        """Book the owner's own movements only: a running node books its buyers' itself. Returns how many."""
        return await self._book(_is_owners)

    async def mend(self) -> int:
        """While running: take up what a mint did not answer, and book what came of it. Returns how much there was.

        What finished a moment ago is left to whoever is at work on it: booked twice it could not be, but booked by
        two it would look to one of them as if the token had paid before.
        """
        await asyncio.to_thread(self._history.recover)
        before_ms = self._now_ms() - AT_WORK_MS
        return await self._book(lambda operation: operation.changed_at_ms < before_ms)

    async def _book(self, wanted: Callable[[Operation], bool]) -> int:
        newest_ms = await self._books.run(lambda ledger: ledger.newest_transfer_ms())
        operations = await asyncio.to_thread(
            lambda: self._history.operations(since_ms=max(0, newest_ms - LOOK_BACK_MS))
        )
        done = [each for each in operations if each.state is OperationState.DONE and wanted(each)]
        return await self._books.run(lambda ledger: sum(book(ledger, operation) for operation in done))

    async def disagreement(self) -> dict[str, Money]:
        """By mint, what the wallet holds more (or less) than the ledger says; empty when they agree."""
        held = await asyncio.to_thread(self._history.balance)
        written = await self._books.run(lambda ledger: ledger.wallets())
        differences = {
            mint: Money.from_sat(held.get(mint, 0)) - written.get(mint, Money()) for mint in {*held, *written}
        }
        return {mint: difference for mint, difference in differences.items() if difference}

    def _fail_unfinished(self, ledger: Ledger) -> int:
        unfinished = ledger.unfinished_jobs()
        for job in unfinished:
            ledger.finish_job(job.id, Ending(JobState.FAILED, self._now_ms(), reason=CRASHED))
        return len(unfinished)


def _is_owners(operation: Operation) -> bool:
    reference = references.parse(operation.reference)
    return reference is None or reference.purpose is Purpose.OWNER


def book(ledger: Ledger, operation: Operation) -> bool:
    """Write one finished operation of the wallet into the ledger; False if it is there already."""
    reference = references.parse(operation.reference)
    mint, at_ms, fee = operation.mint, operation.changed_at_ms, Money.from_sat(operation.fee_sat)
    if operation.kind in INCOMING:
        gross = Money.from_sat(operation.amount_sat) + fee
        if reference is not None and reference.purpose is Purpose.DEPOSIT:
            return ledger.deposit(reference.account, mint, gross, fee, operation.reference, at_ms)
        return ledger.owner_deposit(mint, gross, fee, operation.reference, at_ms)
    left = Money.from_sat(operation.face_sat if operation.kind is OperationKind.SEND else operation.amount_sat)
    if reference is not None and reference.purpose is Purpose.CHANGE:
        return ledger.payout_to_buyer(reference.account, mint, left, fee, operation.reference, at_ms)
    return ledger.owner_withdrawal(mint, left, fee, operation.reference, at_ms)
