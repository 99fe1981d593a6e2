from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.secrets import PhraseStore, Place
from tests.fakes.keyrings import FakeKeyring

PHRASE = "leader monkey parrot ring guide accident before fence cannon height naive bean"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_phrase_is_stored_at_first(tmp_path: Path) -> None:
    assert PhraseStore(tmp_path, None).load() is None
    assert PhraseStore(tmp_path, FakeKeyring(broken="locked")).load() is None


def test_the_keyring_keeps_it_and_no_file_does(tmp_path: Path) -> None:
    keyring = FakeKeyring()

    assert PhraseStore(tmp_path, keyring).save(PHRASE).place is Place.KEYRING

    stored = PhraseStore(tmp_path, keyring).load()
    assert stored is not None
    assert (stored.phrase, stored.place) == (PHRASE, Place.KEYRING)
    assert list(keyring.entries.values()) == [PHRASE]
    assert not any("parrot" in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize("keyring", [None, FakeKeyring(broken="locked")])
def test_without_a_keyring_a_file_keeps_it(tmp_path: Path, keyring: FakeKeyring | None) -> None:
    os.umask(0)
    try:
        assert PhraseStore(tmp_path, keyring).save(PHRASE).place is Place.FILE
    finally:
        os.umask(0o022)

    stored = PhraseStore(tmp_path, keyring).load()
    assert stored is not None
    assert (stored.phrase, stored.place) == (PHRASE, Place.FILE)
    assert files(tmp_path) == ["recovery-phrase"]
    assert stat.S_IMODE((tmp_path / "recovery-phrase").stat().st_mode) == 0o600


def test_a_keyring_that_is_locked_later_does_not_look_like_no_phrase(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    PhraseStore(tmp_path, keyring).save(PHRASE)
    keyring.broken = "The keyring did not answer within 10 seconds."

    with pytest.raises(StorageUnusable, match=r"did not answer.*Unlock the keyring"):
        PhraseStore(tmp_path, keyring).load()
    with pytest.raises(StorageUnusable, match="no keyring in this session"):
        PhraseStore(tmp_path, None).load()
    with pytest.raises(StorageUnusable, match="no such entry"):
        PhraseStore(tmp_path, FakeKeyring()).load()


@pytest.mark.parametrize("keyring", [None, FakeKeyring()])
def test_a_stored_phrase_is_never_overwritten(tmp_path: Path, keyring: FakeKeyring | None) -> None:
    store = PhraseStore(tmp_path, keyring)
    store.save(PHRASE)

    with pytest.raises(SettingsError, match="already has an identity"):
        store.save("other words")

    stored = store.load()
    assert stored is not None
    assert stored.phrase == PHRASE


def test_two_folders_share_a_keyring_and_no_phrase(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    for name in ("node", "buyer"):
        (tmp_path / name).mkdir()
        PhraseStore(tmp_path / name, keyring).save(f"the phrase of {name}")

    assert sorted(keyring.entries.values()) == ["the phrase of buyer", "the phrase of node"]
    stored = PhraseStore(tmp_path / "buyer", keyring).load()
    assert stored is not None
    assert stored.phrase == "the phrase of buyer"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    store = PhraseStore(tmp_path, None)
    store.save(PHRASE)
    (tmp_path / "recovery-phrase").chmod(mode)

    with pytest.raises(StorageUnusable, match=r"Other users .* may open it.*chmod 600"):
        store.load()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(PHRASE)
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "recovery-phrase").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageUnusable):
        PhraseStore(tmp_path, None).load()
    with pytest.raises(SettingsError):
        PhraseStore(tmp_path, None).save(PHRASE)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"word " * 1000])
def test_a_damaged_file_is_said_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recovery-phrase"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(StorageUnusable, match="damaged"):
        PhraseStore(tmp_path, None).load()

    assert path.read_bytes() == content


@pytest.mark.parametrize("put", [lambda path: path.mkdir(mode=0o700), lambda path: os.mkfifo(path, mode=0o600)])
def test_what_is_no_file_is_said_and_not_waited_for(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path / "recovery-phrase")

    with pytest.raises(StorageUnusable):
        PhraseStore(tmp_path, None).load()


def test_a_full_disk_leaves_nothing_half_written() -> None:
    with pytest.raises(StorageUnusable):
        PhraseStore(Path("/proc"), None).save(PHRASE)


def test_printing_a_stored_phrase_shows_where_it_is_and_nothing_else(tmp_path: Path) -> None:
    stored = PhraseStore(tmp_path, None).save(PHRASE)

    assert repr(stored) == "StoredPhrase(place=<Place.FILE: 'file'>)"
