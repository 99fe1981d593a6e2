"""What the publisher makes is what a Hearth believes."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Patience, Relays
from desktop.network.local.relay import LocalRelay
from desktop.updates.publishers import Publisher, Publishers
from desktop.updates.sources import RelaySource
from desktop.updates.statement import open_statement
from installer.release import NOSTR_KEY, SIGNING_KEY, main, publish

NAMES = ("hearth_1.2.3_amd64.deb", "hearth-1.2.3-1.x86_64.rpm", "hearth-1.2.3-x86_64.run", "hearth-1.2.3-setup.exe")


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in (*NAMES, "SHA256SUMS", "SHA256SUMS.minisig"):
        (folder / name).write_text(f"this is {name}")
    return folder


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["key", str(tmp_path / "secret")]) == 0
    monkeypatch.setenv(SIGNING_KEY, str(tmp_path / "secret"))
    return capsys.readouterr().out.strip()


def state(dist: Path, *more: str) -> int:
    return main(["state", str(dist), "--at", "https://example.org/hearth", "--at", "https://mirror.example/", *more])


def test_a_folder_of_installers_becomes_a_signed_statement(
    dist: Path, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").write_text("Faster.\n")
    before_s = int(time.time())

    assert state(dist, "--notes", str(tmp_path / "notes"), "--first-percent", "5", "--over-hours", "48") == 0

    assert "not in resources/publishers.toml" in capsys.readouterr().out
    statement = open_statement((dist / "latest.json").read_bytes(), {key: "us"})
    assert (statement.version, statement.notes, statement.rollout.first_percent) == ("1.2.3", "Faster.", 5)
    assert statement.rollout.complete_s - statement.rollout.start_s == 48 * 3600
    assert statement.issued_s >= before_s
    for kind, name in zip(("deb", "rpm", "run", "windows"), NAMES, strict=True):
        found = statement.artefact(kind, "x86_64")
        assert found is not None
        assert found.urls == (f"https://example.org/hearth/{name}", f"https://mirror.example/{name}")
        assert found.sha256 == hashlib.sha256(f"this is {name}".encode()).hexdigest()
        assert found.bytes == len(f"this is {name}")


def test_the_secret_is_private_never_written_over_and_never_shown(
    tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    before = secret.read_text()
    assert before.strip() != key
    assert main(["key", str(secret)]) == 1
    assert secret.read_text() == before
    assert before.strip() not in "".join(capsys.readouterr())


@pytest.mark.parametrize("content", [None, "", "xyz", "ab" * 31])
def test_without_a_key_nothing_is_stated(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    monkeypatch.setenv(SIGNING_KEY, str(file))
    assert state(dist) == 1
    monkeypatch.delenv(SIGNING_KEY)
    assert state(dist) == 1
    assert not (dist / "latest.json").exists()


def test_a_key_that_others_can_read_is_refused(dist: Path, key: str, tmp_path: Path) -> None:
    (tmp_path / "secret").chmod(0o644)
    assert key
    assert state(dist) == 1


def test_two_versions_in_one_folder_are_refused(dist: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert key
    (dist / "hearth_1.2.4_amd64.deb").touch()
    assert state(dist) == 1
    assert "1.2.3, 1.2.4" in capsys.readouterr().err


def test_nonsense_is_not_signed(dist: Path, key: str) -> None:
    assert key
    assert state(dist, "--days", "0") == 1
    assert state(dist, "--over-hours", "-5") == 1
    assert not (dist / "latest.json").exists()


async def test_on_a_real_relay_it_is_found_by_those_who_know_the_publisher(dist: Path, key: str) -> None:
    assert state(dist) == 0
    envelope = (dist / "latest.json").read_bytes()
    identity = NostrIdentity(bytes(31) + b"\5")
    now_s = int(time.time())
    patience = Patience(connect_s=2, answer_s=2, look_s=0.05)
    async with LocalRelay() as relay:
        relays = Relays([relay.url, "ws://127.0.0.1:9"], now_ms=lambda: now_s * 1000, patience=patience)
        told = await publish(envelope, identity, relays, now_s)
        assert [bool(trouble) for trouble in told.values()] == [False, True]

        known = Publishers((Publisher("a test", key, identity.public_key),))
        async with Relays([relay.url], now_ms=lambda: now_s * 1000, patience=patience) as asked:
            (found,) = await RelaySource(asked.links[0], known.nostr).read()
    assert open_statement(found, known.keys).version == "1.2.3"


def test_publishing_without_a_key_says_which(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(NOSTR_KEY, raising=False)
    assert main(["publish", str(dist / "latest.json"), "--relay", "wss://relay.example"]) == 1
    assert NOSTR_KEY in capsys.readouterr().err
