"""The wallet against the real reference mint, when all goes well, and when it does not but nobody is hostile."""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from desktop.domain.errors import (
    FundsShort,
    MintNotAccepted,
    MintUnreachable,
    PaymentRequired,
    SettingsError,
    TokenInvalid,
    TokenSpent,
    TokenWorthless,
)
from desktop.network.local.mint import LocalMint
from desktop.wallet import tokens
from desktop.wallet.operation import OperationKind, OperationState
from desktop.wallet.results import Received
from tests.wallet.between import Between
from tests.wallet.conftest import OpenWallet
from tests.wallet.money import fund, token_of


def as_v3(token: str) -> str:
    """The same coins as a V3 token."""
    read = tokens.decode(token)
    proofs = [
        {"amount": coin.amount, "id": coin.keyset_id, "secret": coin.secret, "C": coin.signature.hex()}
        for coin in read.coins
    ]
    body = {"token": [{"mint": read.mint, "proofs": proofs}], "unit": "sat"}
    return "cashuA" + base64.urlsafe_b64encode(json.dumps(body).encode()).decode()


def test_money_goes_from_wallet_to_wallet_and_adds_up(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 1000, mint.url)
    sent = alice.send(300, mint.url, reference="pay")
    assert (sent.amount_sat, sent.face_sat) == (300, 300)
    received = carol.receive(sent.token, reference="pay")
    assert received == Received(
        amount_sat=300 - received.fee_sat, fee_sat=received.fee_sat, mint=mint.url, gross_sat=300
    )
    assert 1 <= received.fee_sat <= 2
    assert carol.balance() == {mint.url: received.amount_sat}
    assert alice.balance() == {mint.url: 700 - sent.fee_sat}
    assert all(check.agrees for check in alice.check() + carol.check())


def test_receiving_again_under_the_same_reference_gives_the_same_result(
    open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    fund(alice, 200, mint.url)
    token = alice.send(100, mint.url, reference="pay").token
    first = carol.receive(token, reference="pay")
    assert carol.receive(token, reference="pay") == first
    assert carol.receive(as_v3(token), reference="pay") == first
    assert carol.balance() == {mint.url: first.amount_sat}
    assert between.calls.count("/v1/swap") == 1


def test_sending_again_under_the_same_reference_gives_the_very_same_token(
    open_wallet: OpenWallet, mint: LocalMint
) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 500, mint.url)
    sent = alice.send(77, mint.url, reference="pay")
    again = open_wallet("alice")
    assert alice.send(77, mint.url, reference="pay") == sent == again.send(77, mint.url, reference="pay")
    carol.receive(sent.token, reference="pay")
    alice.check()
    assert alice.send(77, mint.url, reference="pay") == sent, "also once it is worth nothing"
    assert alice.send(77, mint.url, reference="other").token != sent.token


def test_a_reference_stands_for_one_token_only(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 500, mint.url)
    first, second = (alice.send(50, mint.url, reference=name).token for name in "ab")
    carol.receive(first, reference="pay")
    with pytest.raises(ValueError, match="another token"):
        carol.receive(second, reference="pay")
    with pytest.raises(ValueError, match="another token"):
        alice.send(51, mint.url, reference="a")


def test_a_token_is_taken_once(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol, dave = open_wallet("alice"), open_wallet("carol"), open_wallet("dave")
    fund(alice, 200, mint.url)
    token = alice.send(100, mint.url, reference="pay").token
    carol.receive(token, reference="one")
    for wallet in (carol, dave, alice):
        with pytest.raises(TokenSpent):
            wallet.receive(token, reference="two")
    failed = dave.operation(OperationKind.RECEIVE, "two")
    assert failed is not None
    assert (failed.state, failed.failure) == (OperationState.FAILED, "TokenSpent")
    assert dave.balance() == {}


def test_of_two_wallets_with_one_token_at_once_one_gets_it(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice = open_wallet("alice")
    fund(alice, 500, mint.url)
    rivals = [open_wallet(name) for name in ("carol", "dave", "erin")]
    for turn in range(3):
        token = alice.send(40, mint.url, reference=str(turn)).token
        with ThreadPoolExecutor(3) as pool:
            tries = [pool.submit(rival.receive, token, reference=str(turn)) for rival in rivals]
        errors = [error for error in (one.exception() for one in tries) if error is not None]
        assert len(errors) == 2
        # The one that came in the middle of the other's swap is told to try again, and then that it came too late.
        assert all(isinstance(error, TokenSpent | MintUnreachable) for error in errors)
        for rival in rivals:
            rival.recover()
    assert sum(sum(rival.balance().values()) for rival in rivals) == 3 * 39
    assert all(check.agrees for rival in rivals for check in rival.check())


def test_one_wallet_serves_many_threads(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 1000, mint.url)
    names = [str(number) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda name: alice.send(20, mint.url, reference=name), names))
        # Each twice at once: the second call waits for the first and gets the same.
        received = list(pool.map(lambda at: carol.receive(sent[at // 2].token, reference=names[at // 2]), range(24)))
    assert len({one.token for one in sent}) == len(names)
    assert received[::2] == received[1::2]
    assert carol.balance() == {mint.url: sum(one.amount_sat for one in received[::2])}
    fees = sum(one.fee_sat for one in sent)
    assert alice.balance() == {mint.url: 1000 - 12 * 20 - fees}
    assert all(check.agrees for check in alice.check() + carol.check())


def test_the_receivers_fee_can_be_included(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 2000, mint.url)
    for amount in (1, 2, 63, 255, 500):
        sent = alice.send(amount, mint.url, reference=str(amount), include_receive_fee=True)
        assert sent.amount_sat == amount
        assert carol.receive(sent.token, reference=str(amount)).amount_sat == amount
        assert sent.face_sat == amount + 1


def test_most_change_is_made_without_the_mint(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, node = open_wallet("alice"), open_wallet("node", between=between)
    fund(alice, 5000, mint.url)
    for turn in range(12):
        node.receive(alice.send(100, mint.url, reference=str(turn)).token, reference=str(turn))
        alice.receive(node.send(37 + turn, mint.url, reference=str(turn)).token, reference=f"change {turn}")
    assert between.calls.count("/v1/swap") <= 12 + 3


def test_v3_tokens_are_taken(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 200, mint.url)
    token = as_v3(alice.send(100, mint.url, reference="pay").token)
    assert carol.inspect(token).amount_sat == 100
    assert carol.receive(token, reference="pay").amount_sat == 99


def test_inspecting_asks_nobody(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    fund(alice, 200, mint.url)
    summary = carol.inspect(alice.send(100, mint.url, reference="pay").token)
    assert (summary.mint, summary.unit, summary.amount_sat) == (mint.url, "sat", 100)
    assert between.calls == []


def test_a_mint_that_is_not_accepted_is_never_contacted(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", accepted=("https://mint.example.com",), between=between)
    fund(alice, 200, mint.url)
    token = alice.send(100, mint.url, reference="pay").token
    assert not carol.accepts(mint.url)
    assert not carol.accepts("nonsense")
    for attempt in (
        lambda: carol.receive(token, reference="pay"),
        lambda: carol.send(1, mint.url, reference="pay"),
        lambda: carol.mint_quote(1, mint.url),
        lambda: carol.restore(mint.url),
    ):
        with pytest.raises(MintNotAccepted):
            attempt()
    assert carol.recover() == []
    assert between.calls == []


def test_money_at_a_mint_no_longer_accepted_can_still_be_spent(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice = open_wallet("alice")
    fund(alice, 200, mint.url)
    later = open_wallet("alice", accepted=())
    token = later.send(133, mint.url, reference="pay").token
    with pytest.raises(MintNotAccepted):
        later.receive(token, reference="back")
    assert later.reclaim("pay") is not None


def test_two_mints_are_kept_apart(open_wallet: OpenWallet, mint: LocalMint, other_mint: LocalMint) -> None:
    alice = open_wallet("alice", accepted=(mint.url, other_mint.url))
    fund(alice, 100, mint.url)
    fund(alice, 60, other_mint.url)
    assert alice.balance() == {mint.url: 100, other_mint.url: 60}
    with pytest.raises(FundsShort):
        alice.send(80, other_mint.url, reference="pay")
    alice.send(30, other_mint.url, reference="pay")
    assert alice.balance()[mint.url] == 100
    assert all(check.agrees for check in alice.check())


def test_a_token_that_does_not_cover_the_fee_is_worthless(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 100, mint.url)
    token = alice.send(1, mint.url, reference="pay").token
    with pytest.raises(TokenWorthless):
        carol.receive(token, reference="pay")
    assert carol.operations() == []
    assert alice.reclaim("pay") is None, "nobody can redeem a single sat"


def test_forged_coins_are_refused_before_the_mint_is_asked(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    fund(alice, 200, mint.url)
    read = tokens.decode(alice.send(100, mint.url, reference="pay").token)
    raised = [
        coin.__class__(coin.keyset_id, coin.amount * 2, coin.secret, coin.signature, coin.dleq) for coin in read.coins
    ]
    with pytest.raises(TokenInvalid):
        carol.receive(tokens.encode(mint.url, raised), reference="pay")
    assert "/v1/swap" not in between.calls


def test_forged_coins_without_a_proof_are_refused_by_the_mint(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 200, mint.url)
    read = tokens.decode(alice.send(100, mint.url, reference="pay").token)
    forged = [coin.__class__(coin.keyset_id, coin.amount, os.urandom(32).hex(), coin.signature) for coin in read.coins]
    with pytest.raises(TokenInvalid):
        carol.receive(tokens.encode(mint.url, forged), reference="pay")
    unknown = [coin.__class__("00" * 8, coin.amount, coin.secret, coin.signature) for coin in read.coins]
    with pytest.raises(TokenInvalid):
        carol.receive(tokens.encode(mint.url, unknown), reference="other")
    assert carol.balance() == {}


def test_spent_tokens_do_not_use_up_counters(open_wallet: OpenWallet, mint: LocalMint, tmp_path: Path) -> None:
    """Otherwise strangers could open a gap in the counters, and a restore from the seed would miss what lies behind."""
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 500, mint.url)
    token = alice.send(100, mint.url, reference="pay").token
    carol.receive(token, reference="pay")
    stolen = as_v3(token)
    dave = open_wallet("dave")
    for turn in range(30):
        with pytest.raises(TokenSpent):
            dave.receive(stolen, reference=str(turn))
    with sqlite3.connect(tmp_path / "dave" / "wallet.db") as database:
        ((counter,),) = database.execute("SELECT next_counter FROM keysets").fetchall()
    database.close()
    assert counter < 30


def test_amounts_that_make_no_sense_are_bugs_of_the_caller(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice = open_wallet("alice")
    for amount in (0, -1, 2**63, 2**64):
        with pytest.raises(ValueError, match="amount"):
            alice.send(amount, mint.url, reference="pay")
        with pytest.raises(ValueError, match="amount"):
            alice.mint_quote(amount, mint.url)


def test_a_wallet_that_holds_too_little_says_so(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice = open_wallet("alice")
    with pytest.raises(FundsShort):
        alice.send(1, mint.url, reference="pay")
    fund(alice, 10, mint.url)
    with pytest.raises(FundsShort):
        alice.send(11, mint.url, reference="pay")
    assert alice.balance() == {mint.url: 10}
    assert alice.send(10, mint.url, reference="pay").face_sat == 10


def test_a_token_nobody_redeemed_can_be_taken_back_once(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 100, mint.url)
    token = alice.send(40, mint.url, reference="pay").token
    assert alice.outstanding() == {mint.url: 40}
    back = alice.reclaim("pay")
    assert back is not None
    assert back.amount_sat == 40 - back.fee_sat
    assert alice.reclaim("pay") == back
    assert alice.balance() == {mint.url: 100 - back.fee_sat}
    assert alice.outstanding() == {}
    with pytest.raises(TokenSpent):
        carol.receive(token, reference="pay")


def test_a_redeemed_token_cannot_be_taken_back(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 100, mint.url)
    carol.receive(alice.send(40, mint.url, reference="pay").token, reference="pay")
    assert alice.reclaim("pay") is None
    assert alice.reclaim("never sent") is None
    assert alice.outstanding() == {}


def test_what_is_left_of_a_partly_redeemed_token_can_be_taken_back(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    fund(alice, 200, mint.url)
    read = tokens.decode(alice.send(96, mint.url, reference="pay").token)
    assert len(read.coins) > 1
    carol.receive(tokens.encode(mint.url, read.coins[:1]), reference="pay")
    back = alice.reclaim("pay")
    assert back is not None
    assert back.gross_sat == 96 - read.coins[0].amount
    assert all(check.agrees for check in alice.check())


def test_an_unpaid_invoice_gives_nothing_yet(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice = open_wallet("alice", between=between)
    quote = alice.mint_quote(100, mint.url)
    assert alice.mint_quotes() == [quote]
    between.replace["/v1/mint/bolt11"] = (400, b'{"detail": "not paid", "code": 20001}')
    with pytest.raises(PaymentRequired) as caught:
        alice.mint_tokens(quote)
    assert caught.value.required_msat == 100_000
    del between.replace["/v1/mint/bolt11"]
    assert alice.mint_tokens(quote).amount_sat == 100
    assert alice.mint_tokens(quote).amount_sat == 100
    assert alice.balance() == {mint.url: 100}
    assert alice.mint_quotes() == []


def test_an_invoice_of_another_mint_is_paid_with_change(
    open_wallet: OpenWallet, mint: LocalMint, other_mint: LocalMint
) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol", accepted=(other_mint.url,))
    fund(alice, 1000, mint.url)
    invoice = carol.mint_quote(300, other_mint.url)
    quote = alice.melt_quote(invoice.invoice, mint.url)
    assert (quote.amount_sat, quote.fee_reserve_sat) == (300, 3)
    paid = alice.melt(quote)
    assert paid.amount_sat == 300
    # One sat to the reference mint's make-believe Lightning, the rest for spending the inputs.
    assert 2 <= paid.fee_sat <= 3
    assert alice.melt(quote) == paid
    assert alice.balance() == {mint.url: 1000 - 300 - paid.fee_sat}
    assert all(check.agrees for check in alice.check())
    assert carol.mint_tokens(invoice).amount_sat == 300


def test_paying_more_than_there_is_takes_nothing(
    open_wallet: OpenWallet, mint: LocalMint, other_mint: LocalMint
) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol", accepted=(other_mint.url,))
    fund(alice, 100, mint.url)
    quote = alice.melt_quote(carol.mint_quote(100, other_mint.url).invoice, mint.url)
    with pytest.raises(FundsShort):
        alice.melt(quote)
    assert alice.balance() == {mint.url: 100}
    with pytest.raises(SettingsError):
        alice.melt_quote("lnbc1nonsense", mint.url)


def test_the_seed_alone_brings_the_money_back(open_wallet: OpenWallet, mint: LocalMint) -> None:
    seed = os.urandom(64)
    alice, carol = open_wallet("alice", seed=seed), open_wallet("carol")
    fund(alice, 1000, mint.url)
    for turn in range(6):
        carol.receive(alice.send(30 + turn, mint.url, reference=str(turn)).token, reference=str(turn))
    new = open_wallet("new folder", seed=seed)
    restored = new.restore(mint.url)
    assert restored.restored_sat == alice.balance()[mint.url]
    assert new.balance() == alice.balance()
    assert new.restore(mint.url).restored_sat == 0, "nothing is counted twice"
    assert alice.restore(mint.url).restored_sat == 0
    assert carol.receive(new.send(77, mint.url, reference="pay").token, reference="pay").gross_sat == 77
    assert all(check.agrees for check in new.check())


def test_a_wallet_that_lags_behind_its_copy_finds_out_and_goes_on(open_wallet: OpenWallet, mint: LocalMint) -> None:
    """Two folders with one seed: each uses counters and coins the other knows nothing of."""
    seed = os.urandom(64)
    old, carol = open_wallet("old", seed=seed), open_wallet("carol")
    fund(old, 500, mint.url)
    copy = open_wallet("copy", seed=seed)
    copy.restore(mint.url)
    copy.receive(token_of(carol, 60, mint.url), reference="copy")
    spent_elsewhere = copy.send(133, mint.url, reference="copy")
    carol.receive(spent_elsewhere.token, reference="copy")
    # Its next outputs have the numbers the copy has used, and some of its coins are gone.
    received = old.receive(token_of(carol, 60, mint.url), reference="old")
    assert received.amount_sat == 59
    (check,) = old.check()
    assert check.spent_sat > 0
    assert all(check.agrees for check in old.check())
    assert old.send(20, mint.url, reference="old").face_sat == 20


def test_checking_drops_what_was_spent_behind_our_back(open_wallet: OpenWallet, mint: LocalMint) -> None:
    seed = os.urandom(64)
    alice, carol = open_wallet("alice", seed=seed), open_wallet("carol")
    fund(alice, 64, mint.url)
    thief = open_wallet("thief", seed=seed)
    thief.restore(mint.url)
    carol.receive(thief.send(60, mint.url, reference="theft").token, reference="theft")
    (check,) = alice.check()
    assert not check.agrees
    assert alice.balance().get(mint.url, 0) == check.held_sat == 64 - check.spent_sat
    (again,) = alice.check()
    assert again.agrees


def test_sending_coins_that_were_spent_behind_our_back_uses_others(open_wallet: OpenWallet, mint: LocalMint) -> None:
    seed = os.urandom(64)
    alice, carol = open_wallet("alice", seed=seed), open_wallet("carol")
    fund(alice, 64, mint.url)
    thief = open_wallet("thief", seed=seed)
    thief.restore(mint.url)
    carol.receive(thief.send(32, mint.url, reference="b").token, reference="b")
    fund(alice, 1024, mint.url)
    sent = alice.send(900, mint.url, reference="pay", include_receive_fee=True)
    assert carol.receive(sent.token, reference="pay").amount_sat == 900
    alice.check()
    assert all(check.agrees for check in alice.check())


def test_the_wallets_files_are_its_owners_alone_and_hold_no_secret(
    open_wallet: OpenWallet, mint: LocalMint, tmp_path: Path
) -> None:
    seed = os.urandom(64)
    alice, carol = open_wallet("alice", seed=seed), open_wallet("carol")
    fund(alice, 500, mint.url)
    token = alice.send(100, mint.url, reference="pay").token
    carol.receive(token, reference="pay")
    alice.reclaim("pay")
    secrets = [coin.secret for coin in tokens.decode(token).coins]
    for name in ("alice", "carol"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
        files = [file for file in (tmp_path / name).rglob("*") if file.is_file()]
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            content = file.read_bytes()
            assert seed not in content
            assert seed.hex().encode() not in content
        if name == "alice":
            assert not any(secret.encode() in file.read_bytes() for file in files for secret in secrets)


def test_results_and_wallets_do_not_show_secrets(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice = open_wallet("alice")
    quote = alice.mint_quote(100, mint.url)
    alice.mint_tokens(quote)
    sent = alice.send(50, mint.url, reference="pay")
    shown = f"{alice!r}{quote!r}{sent!r}{alice.inspect(sent.token)!r}"
    assert sent.token[:40] not in shown
    assert quote.id not in shown
    assert not re.search(r"[0-9a-f]{128}", shown)


def test_a_mint_that_is_down_leaves_nothing_behind(open_wallet: OpenWallet) -> None:
    nobody = "http://127.0.0.1:9"
    alice = open_wallet("alice", accepted=(nobody,))
    with pytest.raises(MintUnreachable):
        alice.mint_quote(100, nobody)
    assert alice.operations() == []


def test_the_reference_mint_is_as_the_wallet_needs_it(mint: LocalMint) -> None:
    nuts = requests.get(f"{mint.url}/v1/info", timeout=10).json()["nuts"]
    assert all(nuts[number]["supported"] for number in ("7", "8", "9", "12"))
