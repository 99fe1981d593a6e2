from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from desktop.domain.errors import DatabaseNewer, SettingsError, StorageUnusable
from desktop.wallet.schema import MIGRATIONS
from desktop.wallet.storage import Storage
from desktop.wallet.wallet import Wallet


def test_a_new_file_is_its_owners_alone_and_keeps_what_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "wallet.db"
    storage = Storage.open(path)
    with storage.transaction() as db:
        db.execute("INSERT INTO quotes VALUES ('q', 'mint', 'm', 1, 0, 'i', NULL, 0)")
    with pytest.raises(KeyError):
        break_off(storage)
    storage.close()
    storage.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Storage.open(path)
    with again.transaction() as db:
        assert db.execute("SELECT count(*) FROM quotes").fetchall() == [(1,)]
        assert db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert db.execute("PRAGMA synchronous").fetchall() == [(2,)]
    again.close()


def break_off(storage: Storage) -> None:
    with storage.transaction() as db:
        db.execute("DELETE FROM quotes")
        raise KeyError


def test_wallets_opened_at_once_make_the_tables_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def open_one() -> None:
        try:
            Storage.open(tmp_path / "wallet.db").close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test is to show it
            errors.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_wallet_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wallet.db"
    Storage.open(path).close()
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('wallet', '9999_later', 'x')"
        )
    database.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseNewer):
        Storage.open(path)
    assert path.read_bytes() == before


def test_files_that_are_no_wallet_are_left_alone(tmp_path: Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageUnusable):
        Storage.open(noise)
    assert noise.read_bytes() == b"not a database" * 1000
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE letters (text)")
    database.close()
    with pytest.raises(StorageUnusable):
        Storage.open(other)
    folder = tmp_path / "folder.db"
    folder.mkdir()
    with pytest.raises(StorageUnusable):
        Storage.open(folder)
    with pytest.raises(StorageUnusable):
        Storage.open(noise / "wallet.db")


def test_a_wallet_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Wallet.open(tmp_path, os.urandom(64), ["http://mint.example.com"])
    with pytest.raises(ValueError, match="64 bytes"):
        Wallet.open(tmp_path, b"short", [])
    with Wallet.open(tmp_path, os.urandom(64), []) as wallet:
        assert wallet.balance() == {}
        assert wallet.accepted_mints == ()


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [name[:4] for name, _ in MIGRATIONS] == [f"{number:04}" for number in range(1, len(MIGRATIONS) + 1)]
