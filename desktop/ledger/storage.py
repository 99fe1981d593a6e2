"""The file ledger.db: how it is opened, locked, and what its failures mean in words.

One process writes (the node, or a command while no node runs); any number of processes read. The write-ahead log lets
readers and the writer pass each other, and `synchronous=FULL` makes a committed transaction survive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from sqlite_utils import Database, Migrations

from desktop.domain.errors import DatabaseNewer, LedgerError, StorageUnusable
from desktop.ledger.schema import APPLICATION_ID, MIGRATIONS, migrations

BUSY_TIMEOUT_S: Final = 10.0
WAL_LIMIT_BYTES: Final = 64 * 2**20

_PRIMARY_CODE: Final = 0xFF  # SQLite's extended result codes carry the primary one in their low byte
_CAUSES: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_FULL: ("The disk is full.", "Free some space, then try again."),
    sqlite3.SQLITE_IOERR: ("The disk failed to read or write.", "Check the disk and its free space, then try again."),
    sqlite3.SQLITE_READONLY: ("The file may not be written.", "Give your user write access to Hearth's data folder."),
    sqlite3.SQLITE_PERM: ("Access was denied.", "Give your user access to Hearth's data folder."),
    sqlite3.SQLITE_CANTOPEN: ("The file cannot be opened.", "Check that Hearth's data folder exists and is yours."),
    sqlite3.SQLITE_CORRUPT: ("The file is damaged.", "Put back a copy from a backup, or move ledger.db away."),
    sqlite3.SQLITE_NOTADB: ("The file is not a database.", "Put back a copy from a backup, or move ledger.db away."),
    sqlite3.SQLITE_BUSY: ("Another program keeps it locked.", "Close the other program, then try again."),
    sqlite3.SQLITE_LOCKED: ("Another program keeps it locked.", "Close the other program, then try again."),
}


class Storage:
    """One open connection, safe to use from any thread, one at a time."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.RLock()

    @classmethod
    def open_to_write(cls, path: Path) -> Self:
        """Create or open the ledger and bring it up to date.

        Raises DatabaseNewer, without touching the file, if a later version of Hearth wrote it, and StorageUnusable if
        it cannot be used.
        """
        with _told_in_words():
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite copies the mode to its side files
            except OSError as error:
                raise _unusable(error.strerror or "", "Give your user access to Hearth's data folder.") from None
            db = _connect(path, mode="rw")
            try:
                _require_known(db, migrations())
                db.enable_wal()
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA foreign_keys = ON")
                db.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
                _migrate(db, migrations())
            except BaseException:
                db.close()
                raise
        return cls(db)

    @classmethod
    def open_to_read(cls, path: Path) -> Self:
        """Open the ledger without the power to change it. Raises like `open_to_write`, and for a missing file."""
        with _told_in_words():
            db = _connect(path, mode="ro")
            try:
                _require_known(db, migrations())
                _require_current(db, migrations())
            except BaseException:
                db.close()
                raise
        return cls(db)

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One transaction: committed at the end of the block, or gone without a trace if anything raises."""
        with self._lock, _told_in_words(), _transaction(self._db, "BEGIN IMMEDIATE"):
            yield self._db

    @contextmanager
    def read(self) -> Iterator[Database]:
        """One view of the ledger that does not change inside the block."""
        with self._lock, _told_in_words(), _transaction(self._db, "BEGIN"):
            yield self._db

    def close(self) -> None:
        """Close the file; safe to call again."""
        with self._lock:
            self._db.close()


def _connect(path: Path, *, mode: str) -> Database:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        return Database(connection, execute_plugins=False)
    except BaseException:
        connection.close()
        raise


def _require_known(db: Database, numbered: Migrations) -> None:
    ((objects,),) = db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    ((application_id,),) = db.execute("PRAGMA application_id").fetchall()
    if objects and application_id != APPLICATION_ID:
        raise _unusable("The file belongs to another program.", "Move that file out of Hearth's data folder.")
    if {applied.name for applied in numbered.applied(db)} - {name for name, _ in MIGRATIONS}:
        raise DatabaseNewer(
            "The ledger was written by a later version of Hearth.",
            why="This version does not know all of its tables.",
            now="Install the newer version again; the ledger was not touched.",
        )


def _require_current(db: Database, numbered: Migrations) -> None:
    if numbered.pending(db):
        raise LedgerError(
            "The ledger was written by an earlier version of Hearth.",
            now="Start the node once; it brings the ledger up to date.",
        )


def _migrate(db: Database, numbered: Migrations) -> None:
    while True:
        with _transaction(db, "BEGIN IMMEDIATE"):
            pending = [migration.name for migration in numbered.pending(db)]
            if not pending:
                return
            numbered.apply(db, stop_before=pending[1:])


@contextmanager
def _transaction(db: Database, begin: str) -> Iterator[None]:
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code: int = getattr(error, "sqlite_errorcode", 0)  # absent where Python itself raised
        cause = _CAUSES.get(code & _PRIMARY_CODE)
        if cause is None:
            raise
        raise _unusable(*cause) from error


def _unusable(why: str, now: str) -> StorageUnusable:
    return StorageUnusable("The ledger cannot be used; nothing was half-written.", why=why, now=now)
