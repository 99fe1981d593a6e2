from __future__ import annotations

from pathlib import Path

import pytest

from desktop.domain.errors import StorageUnusable
from desktop.machine.belongings import Belonging, Belongings
from desktop.machine.paths import Paths
from desktop.machine.secrets import PhraseStore
from tests.fakes.keyrings import FakeKeyring


@pytest.fixture
def home(tmp_path: Path) -> Paths:
    """A Hearth that has lived: with money, a ledger, models, and the program below its data."""
    paths = Paths.below(tmp_path / "home")
    paths.create()
    for name in ("wallet/wallet.db", "claims/1", "ledger.db", "ledger.db-wal", "pause.json", "hearth.lock"):
        (paths.data / name).parent.mkdir(exist_ok=True)
        (paths.data / name).touch()
    for name in ("runtime/env-1/bin/python", "app-1/hearth"):
        (paths.data / name).parent.mkdir(parents=True)
        (paths.data / name).touch()
    (paths.data / "app").symlink_to("app-1")
    (paths.cache / "models").mkdir()
    return paths


def left(paths: Paths) -> set[str]:
    return {path.name for path in paths.data.iterdir()}


PROGRAM = {"runtime", "app", "app-1"}


def test_everything_goes_but_the_program_which_is_its_installers(home: Paths) -> None:
    phrases = PhraseStore(home.data, None)
    phrases.save("twelve words")
    belongings = Belongings(home, phrases)
    assert belongings.found() == (Belonging.KEYS, Belonging.WALLET, Belonging.LEDGER)

    assert belongings.remove(()) == ()

    assert left(home) == PROGRAM
    assert not any(folder.exists() for folder in (home.config, home.cache, home.log, home.runtime))


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        (Belonging.KEYS, {"recovery-phrase"}),
        (Belonging.WALLET, {"wallet", "claims"}),
        (Belonging.LEDGER, {"ledger.db", "ledger.db-wal"}),
    ],
)
def test_each_is_kept_by_itself(home: Paths, keep: Belonging, stays: set[str]) -> None:
    phrases = PhraseStore(home.data, None)
    phrases.save("twelve words")

    told = Belongings(home, phrases).remove((keep,))

    assert left(home) == PROGRAM | stays
    assert {path.name for path in told} == stays


def test_a_phrase_in_the_keyring_is_taken_out_of_it(home: Paths) -> None:
    keyring = FakeKeyring()
    phrases = PhraseStore(home.data, keyring)
    phrases.save("twelve words")

    Belongings(home, phrases).remove((Belonging.WALLET,))

    assert keyring.entries == {}
    assert phrases.load() is None


def test_a_keyring_that_does_not_let_go_stops_it_before_anything_is_lost(home: Paths) -> None:
    keyring = FakeKeyring()
    phrases = PhraseStore(home.data, keyring)
    phrases.save("twelve words")
    keyring.broken = "It is locked."
    before = left(home)

    with pytest.raises(StorageUnusable, match="It is locked"):
        Belongings(home, phrases).remove(())

    assert left(home) == before


def test_where_nothing_was_there_is_nothing_to_remove(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    belongings = Belongings(paths, PhraseStore(paths.data, None))
    paths.create()

    assert belongings.found() == ()
    assert belongings.remove(()) == ()
    assert not paths.data.exists()
