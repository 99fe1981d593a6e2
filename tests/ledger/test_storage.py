from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from desktop.domain.errors import DatabaseNewer, LedgerError, StorageUnusable
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.ledger.schema import MIGRATION_SET, MIGRATIONS, migrations

ROOT = Path(__file__).parents[2]
NOBODY = 65534
MINT = "https://mint"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.db"


def _fund(ledger: Ledger, reference: str = "token") -> bool:
    return ledger.deposit("buyer", MINT, Money.from_sat(10), Money(), reference, 1000)


def _job(n: int) -> Job:
    return Job(f"job-{n}", JobKind.CHAT, "smol", Payment.TOKEN, "buyer", Money(10), JobState.ACCEPTED, 1000)


def test_files_are_for_their_owner_alone(path: Path) -> None:
    ledger = Ledger.open(path)
    _fund(ledger)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    ledger.close()


def test_a_commit_is_on_the_disk_when_it_returns(path: Path) -> None:
    ledger = Ledger.open(path)
    with ledger._storage.read() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.journal_mode == "wal"
    ledger.close()


@pytest.mark.parametrize("applied", range(1, len(MIGRATIONS) + 1))
def test_every_old_version_is_brought_up_to_date(path: Path, applied: int) -> None:
    path.parent.mkdir()
    old = Database(path)
    migrations(MIGRATIONS[:applied]).apply(old)
    old.close()

    ledger = Ledger.open(path)
    assert _fund(ledger)
    ledger.close()
    report = Report.open(path)
    assert report.verify() == []
    report.close()
    fresh = Ledger.open(path.with_name("fresh.db"))
    with fresh._storage.read() as db:
        wanted = db.schema
    fresh.close()
    with sqlite3.connect(path) as upgraded:
        assert Database(upgraded, execute_plugins=False).schema == wanted
    upgraded.close()


def test_a_migration_that_fails_leaves_the_version_before_it(path: Path) -> None:
    path.parent.mkdir()
    db = Database(path)
    broken = (*MIGRATIONS[:1], ("0002 broken", "CREATE TABLE half (a); CREATE TABLE half (a);"))
    with pytest.raises(sqlite3.OperationalError):
        migrations(broken).apply(db)

    assert [each.name for each in migrations(broken).applied(db)] == ["0001 books"]
    assert "half" not in db.table_names()
    db.close()


def test_a_newer_ledger_is_refused_in_words_and_left_alone(path: Path) -> None:
    Ledger.open(path).close()
    db = Database(path)
    db.table("_sqlite_migrations").insert({"migration_set": MIGRATION_SET, "name": "0099 later", "applied_at": "2031"})
    db.close()
    before = path.read_bytes()

    for opening in (Ledger.open, Report.open):
        with pytest.raises(DatabaseNewer, match="later version") as refusal:
            opening(path)
        assert refusal.value.now
    assert path.read_bytes() == before


def test_a_reader_does_not_change_an_older_ledger(path: Path) -> None:
    path.parent.mkdir()
    old = Database(path)
    migrations(MIGRATIONS[:1]).apply(old)
    old.close()

    with pytest.raises(LedgerError, match="earlier version"):
        Report.open(path)


def test_a_reader_does_not_create_a_ledger(path: Path) -> None:
    with pytest.raises(StorageUnusable):
        Report.open(path)
    assert not path.parent.exists()


def test_a_reader_cannot_write(path: Path) -> None:
    Ledger.open(path).close()
    report = Report.open(path)
    with pytest.raises(StorageUnusable, match="may not be written"), report._storage.write() as db:
        db.execute("DELETE FROM heartbeat")
    report.close()


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    other = Database(path)
    other.table("photos").insert({"id": 1})
    other.close()

    for opening in (Ledger.open, Report.open):
        with pytest.raises(StorageUnusable, match="another program"):
            opening(path)


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look", os.urandom(8192)])
def test_garbage_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    for opening in (Ledger.open, Report.open):
        with pytest.raises(StorageUnusable) as refusal:
            opening(path)
        assert "backup" in refusal.value.now
    assert path.read_bytes() == content


def test_a_damaged_page_is_told_in_words(path: Path) -> None:
    ledger = Ledger.open(path)
    for n in range(300):
        _fund(ledger, f"token-{n}")
    ledger.close()
    damaged = bytearray(path.read_bytes())
    for at in range(4096, len(damaged), 4096):
        damaged[at : at + 64] = b"\xff" * 64
    path.write_bytes(damaged)

    with pytest.raises(StorageUnusable, match="damaged") as refusal:
        Ledger.open(path).deposit("buyer", MINT, Money.from_sat(10), Money(), "more", 1000)
    assert refusal.value.now


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)

    for opening in (Ledger.open, Report.open):
        with pytest.raises(StorageUnusable):
            opening(path)


def test_a_file_where_the_folder_should_be_is_refused(path: Path) -> None:
    path.parent.write_text("in the way")

    with pytest.raises(StorageUnusable):
        Ledger.open(path)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _as_ordinary_user(code: str, path: Path) -> str:
    """Run code without root's power to ignore permissions."""
    program = f"""
        import os, sys, urllib.parse  # pathlib may want it when this user can no longer read where Python lies
        from pathlib import Path
        from desktop.domain.errors import StorageUnusable
        from desktop.ledger.record import Ledger
        from desktop.ledger.report import Report
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid({NOBODY})
            os.setuid({NOBODY})
        path = Path(sys.argv[1])
        {code}
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout + ran.stderr


def test_a_read_only_ledger_is_refused_and_can_be_read(open_folder: Path) -> None:
    path = open_folder / "ledger.db"
    ledger = Ledger.open(path)
    _fund(ledger)
    path.chmod(0o444)
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).chmod(0o444)

    told = _as_ordinary_user(
        "exec('try: Ledger.open(path)\\nexcept StorageUnusable as error: print(error.why, error.now)')", path
    )
    assert "Permission denied" in told
    assert "data folder" in told
    assert "10000" in _as_ordinary_user("print(Report.open(path).funds().owed.msat)", path)
    ledger.close()


def test_an_unreadable_folder_is_refused(open_folder: Path) -> None:
    path = open_folder / "data" / "ledger.db"
    Ledger.open(path).close()
    path.parent.chmod(0o000)

    told = _as_ordinary_user(
        "exec('for opening in (Ledger.open, Report.open):\\n"
        " try: opening(path)\\n except StorageUnusable as error: print(error)')",
        path,
    )
    path.parent.chmod(0o700)  # so that the folder can be removed by whoever runs this
    assert told.count("The ledger cannot be used") == 2
    assert "Traceback" not in told


def test_a_full_disk_refuses_a_write_whole_and_recovers(path: Path) -> None:
    ledger = Ledger.open(path)
    with ledger._storage.read() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 3}")
    accepted = _accept_until_refused(ledger)
    report = Report.open(path)

    assert [job.id for job in reversed(report.jobs(limit=500).jobs)] == accepted
    assert report.verify() == []
    with ledger._storage.read() as db:
        db.execute("PRAGMA max_page_count = 1000000")
    assert _fund(ledger, "after")
    assert report.verify() == []
    report.close()
    ledger.close()


def _accept_until_refused(ledger: Ledger) -> list[str]:
    _fund(ledger)
    accepted: list[str] = []
    for n in range(400):
        try:
            ledger.accept_job(_job(n))
        except StorageUnusable as error:
            assert "disk is full" in str(error)  # noqa: PT017 - the loop ends here
            return accepted
        accepted.append(f"job-{n}")
    raise AssertionError("the disk never filled")


def test_a_file_that_may_not_grow_loses_nothing(path: Path) -> None:
    """The kernel refuses a write in the middle, as a quota does."""
    program = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from desktop.domain.errors import StorageUnusable
        from desktop.domain.money import Money
        from desktop.ledger.record import Ledger
        ledger = Ledger.open(Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        for n in range(2000):
            try:
                ledger.deposit("buyer", "mint", Money(1), Money(), f"token-{n}", 1000)
            except StorageUnusable as error:
                print("told:", error.why, flush=True)
                break
            print(n, flush=True)
        """
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    *written, last = ran.stdout.splitlines()

    assert last.startswith("told: The disk"), ran.stderr
    ledger = Ledger.open(path)
    assert ledger.balance("buyer") == Money(len(written))
    ledger.close()
    report = Report.open(path)
    assert report.verify() == []
    report.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 200_000


def test_a_reader_in_the_middle_of_reading_does_not_hold_up_the_writer(path: Path) -> None:
    ledger = Ledger.open(path)
    _fund(ledger)
    report = Report.open(path)
    with report._storage.read() as view:
        seen = view.execute("SELECT count(*) FROM transfers").fetchone()
        ledger.accept_job(_job(1))
        ledger.finish_job("job-1", Ending(JobState.CANCELLED, 1100))
        assert view.execute("SELECT count(*) FROM transfers").fetchone() == seen

    assert len(report.jobs().jobs) == 1
    report.close()
    ledger.close()


def test_a_writer_in_the_middle_of_writing_does_not_hold_up_a_reader(path: Path) -> None:
    ledger = Ledger.open(path)
    _fund(ledger)
    report = Report.open(path)
    with ledger._storage.write() as db:
        db.execute("UPDATE accounts SET requests = 5")
        assert report.verify() == []
        db.execute("UPDATE accounts SET requests = 0")
    report.close()
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfers SET amount_msat = 1",
        "DELETE FROM transfers",
        "INSERT OR REPLACE INTO transfers SELECT * FROM transfers",
        "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (1, 1, 2, -5, 'x', 'x')",
        "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (1, 1, 3, 5, 'x', 'x')",
        "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (1, 2, 1, 10001, 'x', 'x')",
        "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (1, 1, 99, 5, 'x', 'x')",
        "DELETE FROM accounts",
        "UPDATE accounts SET name = 'mine' WHERE name = 'earned'",
        "DELETE FROM jobs",
        "UPDATE jobs SET charged_msat = 5",
        "UPDATE jobs SET held_msat = 5",
        "UPDATE receipts SET body = '{}'",
        "DELETE FROM receipts",
        "DELETE FROM intervals",
    ],
)
def test_the_file_itself_refuses_to_rewrite_history(path: Path, statement: str) -> None:
    ledger = Ledger.open(path)
    _fund(ledger)
    ledger.accept_job(_job(1))
    ledger.finish_job("job-1", Ending(JobState.COMPLETED, 1100, charged=Money(4), started_at_ms=1050))
    with ledger._storage.write() as db:
        db.execute("INSERT INTO receipts (job_n, body, signature) VALUES (1, '{}', zeroblob(64))")
        db.execute("INSERT INTO intervals VALUES (1, NULL, 'off', 'loading', '')")

    with pytest.raises(sqlite3.IntegrityError), ledger._storage.write() as db:
        db.execute(statement)
    ledger.close()
