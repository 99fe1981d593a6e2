"""The file wallet.db: opening it, and one transaction at a time.

Any number of processes of one user may have it open. A committed transaction survives a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from filelock import FileLock
from sqlite_utils import Database

from desktop.domain.errors import DatabaseNewer, StorageUnusable
from desktop.wallet.schema import APPLICATION_ID, MIGRATIONS, migrations

_BUSY_TIMEOUT_S: Final = 30.0


class Storage:
    """One open connection, used by one thread at a time."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Create or open the file, readable by its owner alone, and bring its tables up to date.

        Raises DatabaseNewer, without touching the file, if a later version of Hearth wrote it, and StorageUnusable if
        it is not a wallet or cannot be used.
        """
        with _told_in_words():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its side files the mode of the main one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # One process at a time: SQLite does not wait where two switch a new file to the write-ahead log at once.
        with _told_in_words(), FileLock(path.with_suffix(".lock"), mode=0o600):
            connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            try:
                db = Database(connection, execute_plugins=False)
                with _transaction(db):
                    _require_ours(db)
                db.enable_wal()
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA foreign_keys = ON")
                _migrate(db)
            except BaseException:
                connection.close()
                raise
        return cls(db)

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """Read and write; committed at the end of the block, gone without a trace if it raises. Never wait inside."""
        with self._lock, _told_in_words(), _transaction(self._db):
            yield self._db

    def close(self) -> None:
        """Close the file; safe to call again."""
        with self._lock:
            self._db.close()


@contextmanager
def _transaction(db: Database) -> Iterator[None]:
    # IMMEDIATE: what is read inside cannot change before it is acted upon, whichever process wants to.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.rollback()
        raise
    try:
        db.commit()
    except BaseException:
        db.rollback()
        raise


def _migrate(db: Database) -> None:
    numbered = migrations()
    with _transaction(db):
        numbered.apply(db)


def _require_ours(db: Database) -> None:
    ((objects,),) = db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    ((application_id,),) = db.execute("PRAGMA application_id").fetchall()
    if objects and application_id != APPLICATION_ID:
        raise _unusable("The file wallet.db is not a wallet of Hearth's.")
    if {applied.name for applied in migrations().applied(db)} - {name for name, _ in MIGRATIONS}:
        raise DatabaseNewer(
            "The wallet was written by a later version of Hearth.",
            now="Install the newer version again; the wallet was not touched.",
        )


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise  # a bug of ours, not a state of the disk
        raise _unusable(f"SQLite says: {error}.") from None
    except OSError as error:
        raise _unusable(f"{error.strerror}." if error.strerror else "") from None


def _unusable(why: str) -> StorageUnusable:
    return StorageUnusable(
        "The wallet cannot be read or written.", why=why, now="Check the data folder and the free space on the disk."
    )
