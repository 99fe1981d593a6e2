"""Taking Hearth off: what is asked, and what a yes, a no and a script do."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

from desktop.commands import uninstall
from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import SettingsError
from desktop.machine.identity import create_phrase
from desktop.machine.paths import Paths


@pytest.fixture
def home(tmp_path: Path) -> Composition:
    paths = Paths.below(tmp_path)
    paths.create()
    home = Composition(paths, Settings(mints=("https://mint.example",)), use_keyring=False)
    home.phrases().save(create_phrase())
    identity, _ = home.identity()
    home.wallet(identity).close()
    (paths.data / "ledger.db").touch()
    return home


class Person:
    """Answers by the first word of the question that fits; keeps what it was asked."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return next((answer for word, answer in self._answers.items() if word in question), "")


def depart(home: Composition, person: Person, *words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    uninstall.configure(parser)
    out = io.StringIO()
    uninstall.run(parser.parse_args(words), home, Console(as_json=True, out=out), person)
    document: dict[str, object] = json.loads(out.getvalue())
    return document


def test_a_no_leaves_everything(home: Composition) -> None:
    with pytest.raises(SettingsError, match="Nothing was removed"):
        depart(home, Person())

    assert home.phrases().load() is not None


def test_each_thing_is_asked_about_and_the_money_is_named(home: Composition) -> None:
    person = Person(off="y", ledger="y")

    told = depart(home, person)

    assert len(person.asked) == 4
    assert any("holds 0 sat" in question for question in person.asked)
    assert told["kept"] == ["wallet", "keys"]
    assert told["removed"] == ["ledger"]
    assert (home.paths.data / "wallet").exists()
    assert not (home.paths.data / "ledger.db").exists()


def test_what_is_not_answered_is_kept(home: Composition) -> None:
    told = depart(home, Person(off="yes"))

    assert told["removed"] == []
    assert not home.paths.config.exists()


@pytest.mark.parametrize(("word", "left"), [("--keep-data", True), ("--remove-data", False)])
def test_a_script_says_it_all_at_once(home: Composition, word: str, *, left: bool) -> None:
    person = Person()

    depart(home, person, word, "--yes")

    assert person.asked == []
    assert home.paths.data.exists() is left
    assert not home.paths.config.exists()


def test_a_script_names_what_goes(home: Composition) -> None:
    told = depart(home, Person(), "--remove", "ledger", "--remove", "wallet", "--yes")

    assert told["kept"] == ["keys"]
    assert home.phrases().load() is not None
    assert not (home.paths.data / "wallet").exists()


def test_an_installer_is_told_what_is_here_with_the_questions(home: Composition) -> None:
    parser = argparse.ArgumentParser()
    uninstall.configure(parser)
    out = io.StringIO()

    uninstall.run(parser.parse_args(["--found"]), home, Console(as_json=False, out=out), Person())

    lines = dict(line.split("\t") for line in out.getvalue().splitlines())
    assert set(lines) == {"keys", "wallet", "ledger"}
    assert "holds 0 sat" in lines["wallet"]
    assert home.phrases().load() is not None, "nothing was changed"


def test_a_script_that_does_not_say_it_is_told_how(home: Composition) -> None:
    parser = argparse.ArgumentParser()
    uninstall.configure(parser)

    with pytest.raises(SettingsError, match="--keep-data"):
        uninstall.run(parser.parse_args(["--yes"]), home, Console(as_json=True))


def test_a_wallet_that_cannot_be_read_is_said_to_be_so(home: Composition) -> None:
    home.phrases().erase()
    person = Person(off="y")

    told = depart(home, person)

    assert told["wallet_sat"] is None
    assert any("cannot be read" in question for question in person.asked)
