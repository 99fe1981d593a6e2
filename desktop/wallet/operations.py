"""Beginning operations, and taking up those that were begun: the same reference never does anything twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlite_utils import Database

from desktop.domain.errors import FundsShort, HearthError, MintUnreachable
from desktop.wallet import operation_records
from desktop.wallet.executor import Asked, Executor
from desktop.wallet.mints import Mints
from desktop.wallet.operation import Operation, OperationKind, OperationState
from desktop.wallet.operation_records import AlreadyBegun, Record
from desktop.wallet.session import Session
from desktop.wallet.trades import trades

_WAIT_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.02
_ARRIVED_AFTER_MS: Final = 180_000
"""Longer than any request of ours is waited for."""


class Operations:
    """All operations of one wallet."""

    def __init__(self, executor: Executor, mints: Mints, session: Session) -> None:
        self._executor = executor
        self._storage = executor.storage
        self._mints = mints
        self._session = session
        self._trade = trades(executor)

    def once(self, kind: OperationKind, reference: str, begin: Callable[[], int]) -> Record:
        """The operation with that reference, done: begun by `begin` if it never was or if it failed.

        `begin` returns the number of the operation, running or done already. Raises what the operation failed with,
        or MintUnreachable if it cannot be settled now.
        """
        deadline = time.monotonic() + _WAIT_WITHIN_S
        while True:
            record = self._find(kind, reference)
            if record is None or record.operation.state is OperationState.FAILED:
                try:
                    operation_id = begin()
                except AlreadyBegun:
                    continue
                return self.finished(operation_id, Asked.NEVER)
            if record.operation.state is OperationState.DONE:
                return record
            asked = self.claim(record)
            if asked is not None:
                return self.finished(record.id, asked)
            if time.monotonic() > deadline:
                raise MintUnreachable("This is still being worked on.", now="Ask again in a moment.")
            time.sleep(_LOOK_EVERY_S)

    def patiently(self, mint: str, attempt: Callable[[], Record]) -> Record:
        """Try, and try again while too little is free only because living operations hold coins of that mint.

        Raises FundsShort once no such operation is left, or half a minute has passed.
        """
        deadline = time.monotonic() + _WAIT_WITHIN_S
        last = False
        while True:
            try:
                return attempt()
            except FundsShort:
                if last or time.monotonic() > deadline:
                    raise
            with self._storage.transaction() as db:
                holders = operation_records.holding_coins(db, mint)
            # One may have ended since the attempt: without holders it is made once more.
            last = not any(map(self._session.is_alive, holders))
            if not last:
                time.sleep(_LOOK_EVERY_S)

    def finished(self, operation_id: int, asked: Asked) -> Record:
        """Carry out an operation that is ours. Raises what it failed with, or what keeps it from being settled."""
        record = self._get(operation_id)
        if record.operation.state is OperationState.RUNNING:
            mint = self._mints.known_mint(record.operation.mint)
            self._executor.run(mint, self._trade(record.operation.kind), operation_id, asked)
            record = self._get(operation_id)
        return record

    def start(self, db: Database, plan: operation_records.Plan) -> int:
        """Write an operation down. Raises AlreadyBegun."""
        return operation_records.begin(db, plan, self._session.id, self._executor.now_ms())

    def now_ms(self) -> int:
        """The time that goes into records."""
        return self._executor.now_ms()

    def claim(self, record: Record) -> Asked | None:
        """Take an unsettled operation that nobody works on; None if somebody does, or has in the meantime."""
        with self._storage.transaction() as db:
            present = operation_records.get(db, record.id)
            running = present.operation.state is OperationState.RUNNING
            free = present.operation.state is OperationState.STALLED or (
                running and not self._session.is_alive(present.session)
            )
            if not free:
                return None
            now_ms = self._executor.now_ms()
            operation_records.claim(db, present, self._session.id, now_ms)
            # A clock that was set back counts as recent, too.
            waited = now_ms - present.operation.changed_at_ms > _ARRIVED_AFTER_MS
            return Asked.LONG_AGO if waited else Asked.RECENTLY

    def recover(self) -> list[tuple[Operation, HearthError | None]]:
        """Take up everything that nobody works on. Returns how each stands now, with what stopped it, if anything."""
        outcomes: list[tuple[Operation, HearthError | None]] = []
        with self._storage.transaction() as db:
            waiting = operation_records.unsettled(db)
        for record in waiting:
            asked = self.claim(record)
            if asked is not None:
                error: HearthError | None = None
                try:
                    self.finished(record.id, asked)
                except HearthError as failure:
                    error = failure
                outcomes.append((self._get(record.id).operation, error))
        self._session.forget_dead()
        return outcomes

    def _find(self, kind: OperationKind, reference: str) -> Record | None:
        with self._storage.transaction() as db:
            return operation_records.find(db, kind, reference)

    def _get(self, operation_id: int) -> Record:
        with self._storage.transaction() as db:
            return operation_records.get(db, operation_id)
