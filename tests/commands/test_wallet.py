"""`hearth wallet` with a real mint: what goes out of one wallet comes into another, and nothing else does."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.commands import wallet
from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import FundsShort, SettingsError, TokenInvalid, TokenSpent
from desktop.machine.paths import Paths
from desktop.network.local.mint import LocalMint, ensure_environment

ROOT = Path(__file__).parents[2]
FUNDED_SAT = 200

pytestmark = pytest.mark.slow

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMint]:
    ensure_environment(ROOT / ".venv-mint")
    with LocalMint(ROOT / ".venv-mint", tmp_path_factory.mktemp("mint")) as running:
        yield running


@pytest.fixture
def hearth(mint: LocalMint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one action in somebody's home: the JSON it prints, or its error."""

    def run(owner: str, *words: str, typed: str = "") -> Any:  # noqa: ANN401 - whatever JSON the command prints
        paths = Paths.below(tmp_path / owner)
        paths.create()
        home = Composition(paths, Settings(mints=(mint.url,)), use_keyring=False)
        parser = argparse.ArgumentParser()
        wallet.configure(parser)
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert wallet.run(parser.parse_args(words), home, Console(as_json=True, out=out, err=io.StringIO())) == 0
        return json.loads(out.getvalue())

    return run


def funded(hearth: Run, owner: str) -> None:
    assert hearth(owner, "fund", str(FUNDED_SAT))["invoice"].startswith("ln")
    assert hearth(owner, "claim") == {"claimed_sat": FUNDED_SAT, "unpaid_invoices": 0}


def spendable(hearth: Run, owner: str) -> int:
    return sum(each["sat"] for each in hearth(owner, "balance"))


def test_what_one_sends_another_receives_once(hearth: Run, mint: LocalMint) -> None:
    funded(hearth, "one")
    sent = hearth("one", "send", "50")
    assert sent["amount_sat"] == 50
    [purse] = hearth("one")
    assert purse["outstanding_sat"] >= 50

    taken = hearth("other", "receive", typed=f"  {sent['token']}\n")
    assert taken["mint"] == mint.url
    assert taken["received_sat"] + taken["fee_sat"] >= 50
    assert spendable(hearth, "other") == taken["received_sat"]
    with pytest.raises(TokenSpent):
        hearth("third", "receive", typed=sent["token"])
    assert spendable(hearth, "third") == 0

    [check] = hearth("one", "check")
    assert check["agrees"]
    everything = spendable(hearth, "one") + taken["received_sat"] + taken["fee_sat"] + sent["fee_sat"]
    assert everything == FUNDED_SAT


def test_a_token_on_the_command_line_is_refused_and_nothing_is_taken(hearth: Run) -> None:
    funded(hearth, "one")
    token = hearth("one", "send", "20")["token"]
    with pytest.raises(SettingsError) as refusal:
        hearth("other", "receive", token)
    assert "standard input" in str(refusal.value)
    assert token not in f"{refusal.value}{refusal.value.why}{refusal.value.now}"
    assert spendable(hearth, "other") == 0
    assert hearth("other", "receive", typed=token)["received_sat"] > 0


def test_an_invoice_of_another_wallet_is_paid(hearth: Run) -> None:
    funded(hearth, "one")
    quote = hearth("other", "fund", "30")
    paid = hearth("one", "pay", quote["invoice"])
    assert paid["paid_sat"] == 30
    assert hearth("other", "claim")["claimed_sat"] == 30
    assert spendable(hearth, "one") == FUNDED_SAT - 30 - paid["fee_sat"]


@pytest.mark.parametrize("typed", ["", "\n", "cashuBnonsense", "hello", "cashuA" + "x" * 5000])
def test_what_is_no_token_is_refused_in_words(hearth: Run, typed: str) -> None:
    with pytest.raises(TokenInvalid):
        hearth("one", "receive", typed=typed)
    assert hearth("one") == []


def test_nothing_is_sent_from_an_empty_wallet_nor_an_amount_that_is_none(hearth: Run) -> None:
    with pytest.raises(FundsShort, match="empty"):
        hearth("one", "send", "5")
    for amount in ("0", "-3"):
        with pytest.raises(SettingsError, match="at least 1 sat"):
            hearth("one", "fund", amount)


def test_the_phrase_exists_only_once_there_is_money_to_keep(hearth: Run) -> None:
    with pytest.raises(SettingsError, match="no recovery phrase"):
        hearth("one", "phrase")
    hearth("one")
    assert len(hearth("one", "phrase")["phrase"].split()) in {12, 24}
