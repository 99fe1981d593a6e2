from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import resource as resource_limits
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from desktop.domain.errors import Busy, DownloadFailed, DownloadStopped, ModelCorrupt, ModelNotFound, StorageUnusable
from desktop.domain.model import ModelKind
from desktop.downloads.sole import sole
from desktop.downloads.transfer import Transfer
from desktop.downloads.wanted import Progress
from desktop.hub.acquisition import Acquisition
from desktop.hub.candidates import Candidate, Candidates, Fit
from desktop.hub.listing import Hub
from desktop.hub.shelf import Shelf
from desktop.machine.private_file import write_private
from desktop.resources import resource
from tests.fakes.content_server import ContentServer, Trick, content_server
from tests.fakes.hub import COMMIT, chat_repository, publish

REPOSITORY = "someone/small-chat"
CANDIDATE = Candidate(
    "small-chat", "Small Chat", ModelKind.CHAT, "Qwen2ForCausalLM", 25_000, 512, 128, "bfloat16", "MIT", REPOSITORY
)


@pytest.fixture
def server() -> Iterator[ContentServer]:
    with content_server() as content:
        publish(content, REPOSITORY, chat_repository(shards=3))
        content.tricked = f"/{REPOSITORY}/resolve/{COMMIT}/model-00001-of-00003.safetensors"
        yield content


def shelf(folder: Path) -> Shelf:
    return Shelf(folder / "records", folder / "models", write_private)


def acquisition(
    url: str, folder: Path, *, quota_bytes: int | None = None, stop: threading.Event | None = None
) -> Acquisition:
    transfer = Transfer(stop or threading.Event(), first_wait_s=0.001)
    return Acquisition(Hub(url), transfer, shelf(folder), quota_bytes)


def quiet(_: Progress) -> None: ...


def test_a_model_comes_whole_and_is_pinned_by_what_came(server: ContentServer, tmp_path: Path) -> None:
    told: list[Progress] = []

    entry = acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", told.append)

    files = chat_repository(shards=3)
    assert [file.name for file in entry.files] == [
        "config.json",
        "model-00000-of-00003.safetensors",
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "tokenizer.json",
    ]
    assert all(file.sha256 == hashlib.sha256(files[file.name]).hexdigest() for file in entry.files)
    assert (entry.source.package, entry.source.version) == (REPOSITORY, COMMIT)
    assert (entry.chat_template, entry.stop_tokens) == ("{{ messages }}", ("<|end|>", "<|stop|>"))
    assert (entry.dtype, entry.kind) == ("float32", ModelKind.CHAT)
    folder = shelf(tmp_path).folder_of(entry)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        file.name: files[file.name] for file in entry.files
    }
    assert shelf(tmp_path).entries() == (entry,)
    assert told[-1].done_bytes == told[-1].total_bytes


def test_the_same_model_in_another_precision_is_another_model(server: ContentServer, tmp_path: Path) -> None:
    one = acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)
    other = acquisition(server.url, tmp_path).fetch(CANDIDATE, "bfloat16", quiet)

    assert one.digest != other.digest


def test_a_pause_keeps_what_came(server: ContentServer, tmp_path: Path) -> None:
    stop, hold = threading.Event(), threading.Event()
    server.tricks = [Trick(after_bytes=20_000, hold=hold)]

    def tell(_: Progress) -> None:
        if server.ranges:
            stop.set()
            hold.set()

    with pytest.raises(DownloadStopped):
        acquisition(server.url, tmp_path, stop=stop).fetch(CANDIDATE, "float32", tell)
    assert shelf(tmp_path).entries() == ()

    acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)
    assert len(shelf(tmp_path).entries()) == 1


@pytest.mark.parametrize("path", ["model-00001-of-00003.safetensors", "config.json"])
def test_other_bytes_than_listed_are_refused(server: ContentServer, tmp_path: Path, path: str) -> None:
    server.tricked = f"/{REPOSITORY}/resolve/{COMMIT}/{path}"
    server.tricks = [Trick(flip_byte=10)]

    with pytest.raises(DownloadFailed, match="not the file"):
        acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)

    assert shelf(tmp_path).entries() == ()


def test_a_limit_is_kept_and_told_with_its_numbers(server: ContentServer, tmp_path: Path) -> None:
    entry = acquisition(server.url, tmp_path, quota_bytes=200_000).fetch(CANDIDATE, "float32", quiet)
    publish(server, "someone/other", chat_repository(shards=3, seed=b"v"))
    other = Candidate(
        "other", "Other", ModelKind.CHAT, "Qwen2ForCausalLM", 1, 512, 1, "bfloat16", "MIT", "someone/other"
    )

    with pytest.raises(StorageUnusable, match="does not fit your limit"):
        acquisition(server.url, tmp_path, quota_bytes=200_000).fetch(other, "float32", quiet)

    shelf(tmp_path).remove(entry)
    acquisition(server.url, tmp_path, quota_bytes=200_000).fetch(other, "float32", quiet)
    assert [held.entry.id for held in shelf(tmp_path).held()] == ["other"]


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_a_repository_that_lacks_something_is_refused_before_a_byte(tmp_path: Path, missing: str) -> None:
    with content_server() as server:
        files = chat_repository()
        del files[missing]
        publish(server, REPOSITORY, files)

        with pytest.raises(DownloadFailed, match=f"It lacks {missing}"):
            acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)

    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("tokenizer_config.json", {"eos_token": "x"}, "no chat template"),
        ("tokenizer_config.json", {"chat_template": "{{ 1 }}"}, "does not say what ends"),
        ("generation_config.json", {"eos_token_id": "many"}, "not usable"),
        ("tokenizer_config.json", [], "not usable"),
    ],
)
def test_a_repository_that_makes_no_sense_is_refused(tmp_path: Path, path: str, text: object, why: str) -> None:
    with content_server() as server:
        files = chat_repository() | {path: json.dumps(text).encode()}
        if "ends" in why:
            del files["generation_config.json"]
        publish(server, REPOSITORY, files)

        with pytest.raises(ModelCorrupt, match=why):
            acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)

    assert shelf(tmp_path).entries() == ()


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        (Trick(status=404), "knows no such model"),
        (Trick(status=401), "only to those who ask"),
        (Trick(status=500), "answers with 500"),
        (Trick(body=b"<html>"), "cannot be read"),
        (Trick(body=b'{"sha": "../../etc", "siblings": []}'), "cannot be read"),
        (Trick(body=b" " * (9 << 20)), "does not tell"),
    ],
)
def test_a_hub_that_answers_anything_else_is_told_in_words(tmp_path: Path, trick: Trick, why: str) -> None:
    with content_server() as server:
        server.tricks = [trick]
        with pytest.raises(DownloadFailed, match=why):
            acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)


def test_a_hub_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="cannot be asked"):
        acquisition("http://127.0.0.1:9", tmp_path).fetch(CANDIDATE, "float32", quiet)


def _fetch(url: str, folder: Path) -> None:
    acquisition(url, folder).fetch(CANDIDATE, "float32", quiet)


def test_killed_at_random_instants_no_half_model_is_known(server: ContentServer, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("forkserver")
    dice = random.Random(9)
    for _ in range(4):
        child = fork.Process(target=_fetch, args=(server.url, tmp_path))
        child.start()
        child.join(dice.uniform(0.01, 0.4))
        child.kill()
        child.join()
        for entry in shelf(tmp_path).entries():
            folder = shelf(tmp_path).folder_of(entry)
            assert all(
                hashlib.sha256((folder / file.name).read_bytes()).hexdigest() == file.sha256 for file in entry.files
            )

    _fetch(server.url, tmp_path)

    (entry,) = shelf(tmp_path).entries()
    assert [path.name for path in (tmp_path / "models").iterdir()] == [shelf(tmp_path).folder_of(entry).name]


def test_killed_between_the_files_and_the_record_nothing_is_fetched_again(
    server: ContentServer, tmp_path: Path
) -> None:
    """The folder has its last name and nobody knows it: the large files are taken up, not fetched anew."""
    _fetch(server.url, tmp_path)
    (entry,) = shelf(tmp_path).entries()
    (tmp_path / "records" / "small-chat.json").unlink()
    server.ranges.clear()

    assert acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet) == entry

    assert [path.name for path in (tmp_path / "models").iterdir()] == [shelf(tmp_path).folder_of(entry).name]
    assert server.ranges == []


def _fetch_on_a_disk_that_fills(url: str, folder: Path, most_bytes: int) -> None:
    resource_limits.setrlimit(resource_limits.RLIMIT_FSIZE, (most_bytes, most_bytes))
    with pytest.raises(StorageUnusable, match=r"could not be written.*what has arrived is kept"):
        _fetch(url, folder)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_disk_that_fills_on_the_way_is_told_and_what_came_is_kept(server: ContentServer, tmp_path: Path) -> None:
    first = "model-00000-of-00003.safetensors"
    server.tricked = f"/{REPOSITORY}/resolve/{COMMIT}/{first}"
    half = len(chat_repository(shards=3)[first]) // 2
    child = multiprocessing.get_context("forkserver").Process(
        target=_fetch_on_a_disk_that_fills, args=(server.url, tmp_path, half)
    )
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert shelf(tmp_path).entries() == ()
    server.ranges.clear()

    _fetch(server.url, tmp_path)

    assert server.ranges == [f"bytes={half}-"], "it went on where it was"


def test_a_newer_commit_takes_over_what_is_the_same(server: ContentServer, tmp_path: Path) -> None:
    """The hub moves on while a download rests: what did not change is not fetched again, and nothing is left over."""
    first = "model-00000-of-00003.safetensors"
    stop = threading.Event()

    def pause(at: Progress) -> None:
        if at.done_bytes >= len(chat_repository(shards=3)[first]):
            stop.set()

    with pytest.raises(DownloadStopped):
        acquisition(server.url, tmp_path, stop=stop).fetch(CANDIDATE, "float32", pause)
    newer = "d" * 40
    publish(server, REPOSITORY, chat_repository(shards=3), commit=newer)
    server.tricked = f"/{REPOSITORY}/resolve/{newer}/{first}"
    server.ranges.clear()

    entry = acquisition(server.url, tmp_path).fetch(CANDIDATE, "float32", quiet)

    assert entry.source.version == newer
    assert server.ranges == []
    assert [path.name for path in (tmp_path / "models").iterdir()] == [shelf(tmp_path).folder_of(entry).name]


def test_a_model_that_was_here_before_comes_back_as_it_was(server: ContentServer, tmp_path: Path) -> None:
    """Also when the hub has moved on, and never as something else under the old version's name."""
    _fetch(server.url, tmp_path)
    (entry,) = shelf(tmp_path).entries()
    shelf(tmp_path).remove(entry)
    assert shelf(tmp_path).entries() == ()
    publish(server, REPOSITORY, chat_repository(shards=3, seed=b"n"), commit="d" * 40)
    publish(server, REPOSITORY, chat_repository(shards=3, seed=b"l"), branch=COMMIT)

    with pytest.raises(DownloadFailed, match=r"as it was when it was here before.*--newest"):
        _fetch(server.url, tmp_path)

    publish(server, REPOSITORY, chat_repository(shards=3), branch=COMMIT)
    small = f"/{REPOSITORY}/resolve/{COMMIT}/config.json"
    server.files[small] = server.files[small].replace(b"Qwen2", b"Qwen3")
    with pytest.raises(DownloadFailed, match="not the file that was meant"):
        _fetch(server.url, tmp_path)

    publish(server, REPOSITORY, chat_repository(shards=3), branch=COMMIT)
    _fetch(server.url, tmp_path)
    assert shelf(tmp_path).entries() == (entry,)

    shelf(tmp_path).remove(entry)
    shelf(tmp_path).forget(entry.id)
    _fetch(server.url, tmp_path)
    assert shelf(tmp_path).entries()[0].source.version == "d" * 40


def test_two_processes_do_not_fetch_one_model_at_once(server: ContentServer, tmp_path: Path) -> None:
    with sole(shelf(tmp_path).lock(CANDIDATE.id), "it"), pytest.raises(Busy, match="being fetched already"):
        _fetch(server.url, tmp_path)
    _fetch(server.url, tmp_path)


def test_room_is_made_of_what_was_unused_longest_and_may_go(server: ContentServer, tmp_path: Path) -> None:
    names = ("kept", "old", "new")
    for name in names:
        publish(server, f"someone/{name}", chat_repository(shards=1))
        each = msgspec.structs.replace(CANDIDATE, id=name, repository=f"someone/{name}")
        acquisition(server.url, tmp_path).fetch(each, "float32", quiet)
    for age, name in enumerate(("new", "old", "kept")):
        os.utime(tmp_path / "records" / f"{name}.json", (1000 - age, 1000 - age))
    held = sum(each.bytes for each in shelf(tmp_path).held())
    listing = acquisition(server.url, tmp_path).listing(CANDIDATE)
    size = acquisition(server.url, tmp_path).size(listing).bytes

    with pytest.raises(StorageUnusable, match="does not fit your limit"):
        acquisition(server.url, tmp_path, quota_bytes=size - 1).make_room(CANDIDATE, {"kept"})
    assert len(shelf(tmp_path).entries()) == 3
    short = acquisition(server.url, tmp_path, quota_bytes=held + size - 1)
    assert [entry.id for entry in short.make_room(CANDIDATE, {"kept"})] == ["old"]
    assert short.make_room(CANDIDATE, {"kept"}) == ()
    short.fetch(CANDIDATE, "float32", quiet)
    assert {entry.id for entry in shelf(tmp_path).entries()} == {"kept", "new", "small-chat"}


def test_a_spoiled_record_is_as_if_it_were_not_there(server: ContentServer, tmp_path: Path) -> None:
    _fetch(server.url, tmp_path)
    (record,) = (tmp_path / "records").glob("*.json")
    (tmp_path / "records" / "other.json").write_bytes(record.read_bytes())
    (tmp_path / "records" / "bad.json").write_text("{")

    assert [entry.id for entry in shelf(tmp_path).entries()] == ["small-chat"]


def test_the_list_has_ten_models_and_more_from_small_to_large_each_openly_licensed() -> None:
    candidates = Candidates.load(resource("hub-models.toml")).entries

    assert len([each for each in candidates if each.kind is ModelKind.CHAT]) >= 10
    assert any(each.kind is ModelKind.EMBEDDING for each in candidates)
    assert max(each.parameters for each in candidates) > 30_000_000_000
    assert {each.licence for each in candidates} == {"Apache-2.0"}


def test_an_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(ModelNotFound, match="'nothing'"):
        Candidates.load(resource("hub-models.toml")).entry("nothing")


def test_what_fits_is_said_with_both_numbers() -> None:
    needs = CANDIDATE.memory_bytes("bfloat16")

    assert Fit(needs, needs).fits
    assert not Fit(needs, needs - 1).fits
    assert Fit(needs, None).fits
    assert CANDIDATE.memory_bytes("float32") > needs
