from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest

from desktop.domain.errors import StorageUnusable
from desktop.machine.limits.journal import Entry, Journal

ENTRY = Entry("GPU-a", "nvml", 450_000_000, (225_000_000,), "run 1")


def test_what_is_written_is_read_and_an_empty_journal_is_no_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.read() == ()

    many = [msgspec.structs.replace(ENTRY, device=f"GPU-{n}") for n in range(100)]
    journal.write(many)
    assert list(journal.read()) == many

    journal.write([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[1]",
        b'[{"device":"a","kind":"gpio","old_uw":1,"ours_uw":[1],"owner":"x"}]',
        b'[{"device":"a","kind":"nvml","old_uw":0,"ours_uw":[1],"owner":"x"}]',
        b'[{"device":"a","kind":"nvml","old_uw":1,"ours_uw":[],"owner":"x"}]',
        b'[{"device":"a","kind":"nvml","old_uw":1,"ours_uw":[1],"owner":"x","more":1}]',
        b"\xff\xfe",
        b"[" * 70_000,
    ],
)
def test_a_journal_that_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "limits.json"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(StorageUnusable):
        Journal(tmp_path).read()


def test_a_journal_that_others_may_write_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write([ENTRY])
    (tmp_path / "limits.json").chmod(0o666)

    with pytest.raises(StorageUnusable, match="Other users"):
        journal.read()


def test_one_process_at_a_time_puts_back(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    with first.busy(1):
        with pytest.raises(StorageUnusable, match="still being put back"), second.busy(0.1):
            pass
        waiting = threading.Thread(target=lambda: second.busy(30).__enter__())
        waiting.start()
        time.sleep(0)
    waiting.join(30)

    assert not waiting.is_alive()
