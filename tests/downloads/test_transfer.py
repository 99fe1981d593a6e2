from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.domain.errors import DownloadFailed, DownloadStopped, SettingsError, StorageUnusable
from desktop.downloads.transfer import TRIES_WITHOUT_PROGRESS, Transfer
from desktop.downloads.wanted import Progress, Wanted
from tests.fakes.content_server import ContentServer, Trick, content_server

DATA = random.Random(7).randbytes(700_001)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[ContentServer]:
    with content_server() as content:
        content.files["/model"] = DATA
        yield content


def wanted(server: ContentServer) -> Wanted:
    return Wanted(f"{server.url}/model", len(DATA), SHA256)


def transfer(stop: threading.Event | None = None) -> Transfer:
    return Transfer(stop or threading.Event(), first_wait_s=0.001, silent_for_s=5)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_leaves_nothing_beside_it(server: ContentServer, tmp_path: Path) -> None:
    told: list[Progress] = []

    fetched = transfer().fetch(wanted(server), tmp_path / "deep" / "file", told.append)

    assert (fetched.bytes, fetched.sha256) == (len(DATA), SHA256)
    assert (tmp_path / "deep" / "file").read_bytes() == DATA
    assert leftovers(tmp_path / "deep") == ["file"]
    assert (told[0].done_bytes, told[-1].done_bytes) == (0, len(DATA))


def test_what_is_not_known_beforehand_is_told(server: ContentServer, tmp_path: Path) -> None:
    fetched = transfer().fetch(Wanted(f"{server.url}/model"), tmp_path / "file")

    assert (fetched.bytes, fetched.sha256) == (len(DATA), SHA256)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server: ContentServer, tmp_path: Path) -> None:
    server.tricks = [Trick(after_bytes=200_000), Trick(status=503), Trick(after_bytes=100_000)]

    transfer().fetch(wanted(server), tmp_path / "file")

    assert server.ranges == [None, "bytes=200000-", "bytes=200000-", "bytes=300000-"]
    assert (tmp_path / "file").read_bytes() == DATA


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tricks=st.lists(
        st.one_of(
            st.builds(Trick, after_bytes=st.integers(0, 300_000), ignore_range=st.booleans()),
            st.builds(Trick, status=st.sampled_from([408, 429, 500, 502, 503, 504])),
            st.builds(Trick, shift_range=st.integers(1, 9)),
            st.builds(Trick, etag=st.just('"second"'), after_bytes=st.integers(0, 300_000)),
        ),
        max_size=TRIES_WITHOUT_PROGRESS - 1,
    ),
    known=st.booleans(),
)
def test_whatever_the_server_does_the_file_is_right_or_absent(
    server: ContentServer, tmp_path_factory: pytest.TempPathFactory, tricks: list[Trick], *, known: bool
) -> None:
    server.tricks = [replace(trick) for trick in tricks]
    target = tmp_path_factory.mktemp("any") / "file"
    each = wanted(server) if known else Wanted(f"{server.url}/model", len(DATA))

    try:
        transfer().fetch(each, target)
    except DownloadFailed:
        assert not target.exists()
    else:
        assert target.read_bytes() == DATA


def test_a_file_that_was_changed_on_the_way_is_refused_and_dropped(server: ContentServer, tmp_path: Path) -> None:
    server.tricks = [Trick(flip_byte=350_000)]

    with pytest.raises(DownloadFailed, match="not the file that was meant"):
        transfer().fetch(wanted(server), tmp_path / "file")

    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "trick",
    [Trick(body=DATA + b"x"), Trick(body=DATA[:-1]), Trick(body=DATA + b"x", no_length=True)],
    ids=["longer", "shorter", "longer than it says"],
)
def test_a_file_of_another_length_is_refused(server: ContentServer, tmp_path: Path, trick: Trick) -> None:
    server.tricks = [trick]

    with pytest.raises(DownloadFailed, match="not the file that was meant"):
        transfer().fetch(wanted(server), tmp_path / "file")

    assert not (tmp_path / "file").exists()


def test_a_server_that_stays_away_is_given_up_with_what_arrived_kept(server: ContentServer, tmp_path: Path) -> None:
    server.tricks = [Trick(after_bytes=100_000)] + [Trick(status=503)] * 20

    with pytest.raises(DownloadFailed, match="503"):
        transfer().fetch(wanted(server), tmp_path / "file")

    assert (tmp_path / "file.part").stat().st_size == 100_000
    server.tricks = []
    transfer().fetch(wanted(server), tmp_path / "file")
    assert server.ranges[-1] == "bytes=100000-"


def test_another_file_under_the_same_name_is_never_mixed_in(server: ContentServer, tmp_path: Path) -> None:
    server.tricks = [Trick(after_bytes=100_000), *[Trick(status=500)] * 10]
    with pytest.raises(DownloadFailed):
        transfer().fetch(wanted(server), tmp_path / "file")
    other = bytes(reversed(DATA))
    server.files["/model"], server.tricks = other, []

    transfer().fetch(replace(wanted(server), sha256=hashlib.sha256(other).hexdigest()), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == other


def test_it_is_stopped_and_goes_on_later(server: ContentServer, tmp_path: Path) -> None:
    stop, hold = threading.Event(), threading.Event()
    server.tricks = [Trick(after_bytes=300_000, hold=hold)]

    def tell(progress: Progress) -> None:
        if progress.done_bytes == 0:
            stop.set()
            hold.set()

    with pytest.raises(DownloadStopped):
        transfer(stop).fetch(wanted(server), tmp_path / "file", tell)
    assert not (tmp_path / "file").exists()

    transfer().fetch(wanted(server), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_silent_server_is_not_waited_for_without_end(server: ContentServer, tmp_path: Path) -> None:
    hold = threading.Event()
    server.tricks = [Trick(after_bytes=1000, hold=hold)]

    Transfer(threading.Event(), first_wait_s=0.001, silent_for_s=0.2).fetch(wanted(server), tmp_path / "file")
    hold.set()

    assert (tmp_path / "file").read_bytes() == DATA


def test_it_follows_to_allowed_addresses_only(server: ContentServer, tmp_path: Path) -> None:
    server.tricks = [Trick(status=302, location=f"{server.url}/model?signed=1")]
    transfer().fetch(wanted(server), tmp_path / "file")

    server.tricks = [Trick(status=302, location="http://example.org/model")]
    with pytest.raises(DownloadFailed, match=r"example\.org"):
        transfer().fetch(wanted(server), tmp_path / "other")

    server.tricks = [Trick(status=302, location="/model")] * 20
    with pytest.raises(DownloadFailed, match="without end"):
        transfer().fetch(wanted(server), tmp_path / "other")


def test_a_missing_file_is_said_at_once(server: ContentServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="404"):
        transfer().fetch(Wanted(f"{server.url}/none"), tmp_path / "file")

    assert server.ranges == [None]


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://a/b", "file:///etc/passwd", "https://", "https://me:pw@host/x", "http://[/"]
)
def test_other_addresses_are_refused_without_their_secrets(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Wanted(url)
    assert "pw" not in str(refusal.value)


def test_a_disk_that_cannot_be_written_is_told(server: ContentServer, tmp_path: Path) -> None:
    (tmp_path / "file.part.json").mkdir()

    with pytest.raises(StorageUnusable, match="could not be written"):
        transfer().fetch(wanted(server), tmp_path / "file")


@pytest.mark.parametrize("note", [b"", b"{}", b"\xff", json.dumps({"url": 1}).encode()])
def test_a_spoiled_note_starts_it_anew(server: ContentServer, tmp_path: Path, note: bytes) -> None:
    (tmp_path / "file.part").write_bytes(b"rubbish")
    (tmp_path / "file.part.json").write_bytes(note)

    transfer().fetch(wanted(server), tmp_path / "file")

    assert leftovers(tmp_path) == ["file"]


def _fetch(url: str, target: str) -> None:
    Transfer(threading.Event(), first_wait_s=0.001).fetch(Wanted(url, len(DATA), SHA256), Path(target))


def test_killed_at_random_instants_it_arrives_whole(server: ContentServer, tmp_path: Path) -> None:
    target = tmp_path / "file"
    fork = multiprocessing.get_context("forkserver")
    dice = random.Random(11)
    for _ in range(4):
        after = dice.randrange(len(DATA))
        server.tricks = [Trick(after_bytes=after, hold=threading.Event())]
        child = fork.Process(target=_fetch, args=(f"{server.url}/model", str(target)))
        child.start()
        part = tmp_path / "file.part"
        while child.is_alive() and not (part.exists() and part.stat().st_size):
            child.join(0.01)
        child.kill()
        child.join()
        assert not target.exists() or target.read_bytes() == DATA

    server.tricks = []
    _fetch(f"{server.url}/model", str(target))

    assert target.read_bytes() == DATA
    assert leftovers(tmp_path) == ["file"]
