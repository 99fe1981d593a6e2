"""What is done beside the version in use, against a server that lies and installers that do not work."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from desktop.domain.errors import DatabaseNewer, DownloadFailed, DownloadStopped, UpdateFailed
from desktop.downloads.transfer import Transfer
from desktop.downloads.wanted import Progress
from desktop.ledger.record import Ledger
from desktop.machine.private_file import write_private
from desktop.updates.records import Records, rehearse
from desktop.updates.staging import Phase, Staging
from desktop.updates.statement import Artefact
from desktop.updates.versions import Versions
from desktop.wallet.storage import Storage as WalletStorage
from tests.fakes.content_server import ContentServer, Trick, content_server
from tests.fakes.publisher import artefact
from tests.updates.test_changeover import NEW, OLD, Place, migrate

CONTENT = b"#!/bin/sh\n" + b"x" * 300_000


@pytest.fixture
def server() -> Iterator[ContentServer]:
    with content_server() as server:
        server.files["/hearth.run"] = CONTENT
        yield server


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def staging(tmp_path: Path, stop: threading.Event) -> Staging:
    return Staging(tmp_path / "updates", Transfer(stop, first_wait_s=0.001))


def wanted(*urls: str) -> Artefact:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return msgspec.convert(artefact(bytes=len(CONTENT), sha256=digest, urls=urls), Artefact)


def quiet(phase: Phase, progress: Progress | None) -> None:
    del phase, progress


def test_what_breaks_off_goes_on_and_is_proved(server: ContentServer, staging: Staging) -> None:
    server.tricks += [Trick(after_bytes=100_000), Trick(after_bytes=100_000)]
    told: list[Phase] = []

    path = staging.fetch(wanted(f"{server.url}/hearth.run"), lambda phase, _: told.append(phase))

    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert set(told) == {Phase.DOWNLOADING}
    server.ranges.clear()
    assert staging.fetch(wanted(f"{server.url}/hearth.run"), quiet) == path
    assert server.ranges == [], "it is there, and whole"


def test_a_source_that_lies_is_left_for_the_next(server: ContentServer, staging: Staging) -> None:
    server.files["/other"] = CONTENT[:-1] + b"y"
    urls = (f"{server.url}/other", f"{server.url}/missing", "http://example.org/x", f"{server.url}/hearth.run")
    assert staging.fetch(wanted(*urls), quiet).read_bytes() == CONTENT

    with pytest.raises(DownloadFailed, match="not the file that was meant") as told:
        staging.fetch(msgspec.structs.replace(wanted(*urls[:3]), sha256="cd" * 32), quiet)
    assert "404" in told.value.why


def test_a_file_that_was_damaged_on_disk_is_fetched_again(server: ContentServer, staging: Staging) -> None:
    path = staging.fetch(wanted(f"{server.url}/hearth.run"), quiet)
    path.write_bytes(CONTENT[:-1] + b"y")
    assert staging.fetch(wanted(f"{server.url}/hearth.run"), quiet).read_bytes() == CONTENT


def test_a_pause_keeps_what_came(server: ContentServer, staging: Staging, stop: threading.Event) -> None:
    server.tricks.append(Trick(after_bytes=100_000))
    server.tricks.append(Trick(status=503))

    def after_the_first(phase: Phase, progress: Progress | None) -> None:
        del phase
        if progress is not None and progress.done_bytes == 0:
            stop.set()

    with pytest.raises(DownloadStopped):
        staging.fetch(wanted(f"{server.url}/hearth.run"), after_the_first)
    stop.clear()
    server.tricks.clear()
    assert staging.fetch(wanted(f"{server.url}/hearth.run"), quiet).read_bytes() == CONTENT


# --- laid down and rehearsed ---


@pytest.fixture
def place(tmp_path: Path) -> Place:
    ledger = tmp_path / "ledger.db"
    Ledger.open(ledger).close()
    made = Place(tmp_path / "user", ledger)
    (made.root / NEW / "version").write_text("2.0.0\n")
    WalletStorage.open(made.root / "wallet/wallet.db").close()
    return made


def run_file(folder: Path, name: str = NEW) -> Path:
    path = folder / "hearth.run"
    path.write_text(f"#!/bin/sh\necho unpacked into\necho /somewhere/{name}\n")
    return path


def answers(place: Place, script: str) -> None:
    """What the new version does when it is asked to rehearse."""
    (place.root / NEW / "hearth").write_text(f'#!/bin/sh\n[ "$1" != --prepare ] || exit 0\n{script}\n')


def test_a_version_that_opens_copies_of_the_records_is_ready(place: Place, staging: Staging, tmp_path: Path) -> None:
    answers(
        place, 'test -f "$3/ledger.db" && test -f "$3/wallet.db" && test "$1 $2" = "update --rehearse" && echo 2.0.0'
    )
    told: list[Phase] = []

    staged = staging.stage(
        run_file(tmp_path), "2.0.0", place.versions, place.records, lambda phase, _: told.append(phase)
    )

    assert (staged.name, staged.version) == (NEW, "2.0.0")
    assert told == [Phase.UNPACKING, Phase.PREPARING, Phase.REHEARSING]
    assert not (tmp_path / "updates/rehearsal").exists(), "copies of money do not lie about"
    assert place.versions.current() == OLD


@pytest.mark.parametrize(
    ("script", "version", "words"),
    [
        ("echo 'ImportError: no torch' >&2; exit 1", "2.0.0", "ImportError: no torch"),
        ("echo 1.0.0", "2.0.0", "It says it is version 1.0.0"),
        ("exit 0", "2.0.1", "It is 2.0.0"),
    ],
)
def test_a_version_that_does_not_work_is_refused(
    place: Place, staging: Staging, tmp_path: Path, script: str, version: str, words: str
) -> None:
    answers(place, script)
    with pytest.raises(UpdateFailed) as told:
        staging.stage(run_file(tmp_path), version, place.versions, place.records, quiet)
    assert words in told.value.why
    assert place.require_whole() == OLD


def test_an_environment_that_cannot_be_made_says_why(place: Place, staging: Staging, tmp_path: Path) -> None:
    (place.root / NEW / "hearth").write_text("#!/bin/sh\necho 'hearth: The disk is full.' >&2\nexit 75\n")
    with pytest.raises(UpdateFailed, match="environment") as told:
        staging.stage(run_file(tmp_path), "2.0.0", place.versions, place.records, quiet)
    assert told.value.why == "hearth: The disk is full."


def test_whatever_is_waited_for_ends_at_once_when_it_is_stopped(
    place: Place, staging: Staging, tmp_path: Path, stop: threading.Event
) -> None:
    """A node that is to end must not wait for libraries to come; nor do their programs go on without it."""
    (place.root / NEW / "hearth").write_text(f'#!/bin/sh\nsleep 600 & echo $! >"{tmp_path}/pid"\nwait\n')
    versions = Versions(place.root, place.environ, write_private, stop)
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()

    with pytest.raises(DownloadStopped):
        staging.stage(run_file(tmp_path), "2.0.0", versions, place.records, quiet)

    assert time.monotonic() - started < 5
    sleeper = int((tmp_path / "pid").read_text())
    while is_asleep(sleeper):
        assert time.monotonic() - started < 5
        time.sleep(0.01)


def is_asleep(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "sleep" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_rehearsing_opens_what_a_start_would(place: Place, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    place.records.copy_to(copies)
    assert (copies / "wallet.db").stat().st_mode & 0o777 == 0o600
    rehearse(copies)
    rehearse(tmp_path / "nothing")
    migrate(copies / "ledger.db")
    with pytest.raises(DatabaseNewer):
        rehearse(copies)


def test_records_are_put_back_only_where_they_cannot_be_read(place: Place) -> None:
    """What a version with the same tables wrote while it was on trial stays."""
    records = Records(place.root)
    records.keep()
    migrate(place.root / "ledger.db")
    wallet = place.root / "wallet/wallet.db"
    wallet_before = wallet.stat().st_ino

    records.put_back()

    assert place.require_whole() == OLD
    assert wallet.stat().st_ino == wallet_before
