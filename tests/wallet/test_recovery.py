"""Broken lines and processes that die at the worst moments: what was begun is finished, nothing lost or doubled."""

from __future__ import annotations

import os
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from desktop.domain.errors import MintUnreachable, TokenSpent
from desktop.network.local.mint import LocalMint
from desktop.wallet.mint_client import MintClient
from desktop.wallet.operation import OperationKind, OperationState
from desktop.wallet.wallet import Wallet
from tests.wallet.between import Answer, Between
from tests.wallet.conftest import OpenWallet
from tests.wallet.dealer import Desk, die_at, gone, minted, unsettled
from tests.wallet.money import fund, token_of

MOMENTS = ["before", "after"]


def cut(between: Between, moment: str, path: str, times: int) -> None:
    (between.cut_before if moment == "before" else between.cut_after)[path] = times


def holds_all(wallets: list[Wallet], mint: str) -> None:
    """Every sat that was minted is in a wallet or was a fee, the mint agrees, and the seeds have nothing more."""
    held = sum(sum(wallet.balance().values()) for wallet in wallets)
    assert held + gone(wallets) == minted(wallets)
    for wallet in wallets:
        assert wallet.pending() == {}
        assert all(check.agrees for check in wallet.check())
        assert wallet.restore(mint).restored_sat == 0
        assert unsettled(wallet) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_one_broken_connection_is_not_noticed(moment: str, open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 100, mint.url)
    cut(between, moment, "/v1/swap", 1)
    assert carol.receive(token, reference="pay").amount_sat == 99
    cut(between, moment, "/v1/mint/bolt11", 1)
    fund(carol, 50, mint.url)
    holds_all([alice, carol], mint.url)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_receive_the_mint_did_not_answer_is_finished_by_asking_again(
    moment: str, open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 100, mint.url)
    cut(between, moment, "/v1/", 99)
    carol_ready(carol, between, mint, moment)
    with pytest.raises(MintUnreachable):
        carol.receive(token, reference="pay")
    assert carol.balance() == {mint.url: 10}
    stalled = carol.operation(OperationKind.RECEIVE, "pay")
    assert stalled is not None
    assert stalled.state is OperationState.STALLED
    calm(between)
    assert carol.receive(token, reference="pay").amount_sat == 99
    holds_all([alice, carol], mint.url)


def carol_ready(carol: Wallet, between: Between, mint: LocalMint, moment: str) -> None:
    """Let her learn the mint's keys on a good line, then break it."""
    calm(between)
    fund(carol, 10, mint.url)
    cut(between, moment, "/v1/", 99)


def calm(between: Between) -> None:
    between.cut_before.clear()
    between.cut_after.clear()


@pytest.mark.parametrize("moment", MOMENTS)
def test_who_comes_again_with_the_token_gets_what_the_mint_did_meanwhile(
    moment: str, open_wallet: OpenWallet, mint: LocalMint
) -> None:
    """A buyer who was told to try again does so as a new request, with a new reference."""
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 100, mint.url)
    carol_ready(carol, between, mint, moment)
    with pytest.raises(MintUnreachable):
        carol.receive(token, reference="first")
    calm(between)
    assert carol.receive(token, reference="second").amount_sat == 99
    assert carol.operation(OperationKind.RECEIVE, "first") is None
    with pytest.raises(TokenSpent):
        carol.receive(token, reference="first")
    holds_all([alice, carol], mint.url)


@pytest.mark.parametrize("moment", MOMENTS)
def test_sends_reclaims_and_melts_the_mint_did_not_answer_are_recovered(
    moment: str, open_wallet: OpenWallet, mint: LocalMint, other_mint: LocalMint
) -> None:
    between = Between()
    alice = open_wallet("alice", between=between)
    fund(alice, 1024, mint.url)
    alice.send(1000, mint.url, reference="early")
    quote = alice.melt_quote(invoice(other_mint.url, 7), mint.url)
    for action in (
        lambda: alice.send(11, mint.url, reference="late", include_receive_fee=True),
        lambda: alice.reclaim("early"),
        lambda: alice.melt(quote),
    ):
        between.cut_before["/v1/keysets"] = 0
        cut(between, moment, "/v1/swap", 99)
        cut(between, moment, "/v1/melt/bolt11", 99)
        cut(between, moment, "/v1/restore", 99)
        cut(between, moment, "/v1/melt/quote", 99)
        try:
            action()
        except MintUnreachable:
            assert sum(alice.pending().values()) > 0
        calm(between)
        alice.recover()
        assert alice.pending() == {}
    assert alice.send(11, mint.url, reference="late", include_receive_fee=True).face_sat == 12
    assert alice.melt(quote).amount_sat == 7
    assert alice.reclaim("late") is not None
    holds_all([alice], mint.url)


def test_a_payment_in_the_mints_hands_is_not_asked_about_at_first(
    tmp_path: Path, mint: LocalMint, other_mint: LocalMint
) -> None:
    """The reference mint settles a payment twice if it is asked about it meanwhile; others wait to be asked."""
    between, clock = Between(), [1_900_000_000_000]
    with Wallet.open(
        tmp_path, os.urandom(64), (mint.url,), new_session=between.session, now_ms=lambda: clock[0]
    ) as alice:
        fund(alice, 100, mint.url)
        quote = alice.melt_quote(invoice(other_mint.url, 7), mint.url)
        between.cut_before["/v1/melt/bolt11"] = 99
        with pytest.raises(MintUnreachable):
            alice.melt(quote)
        calm(between)
        between.tamper["/v1/checkstate"] = all_pending
        for _ in range(2):
            between.calls.clear()
            (outcome,) = alice.recover()
            assert isinstance(outcome.error, MintUnreachable)
            assert not any(path.startswith("/v1/melt") for path in between.calls)
            clock[0] += 100_000
        alice.recover()
        assert any(path.startswith("/v1/melt/quote") for path in between.calls)
        between.tamper.clear()
        assert alice.melt(quote).amount_sat == 7
        holds_all([alice], mint.url)


def all_pending(answer: Answer) -> Answer:
    return {"states": [state | {"state": "PENDING"} for state in answer["states"]]}


def invoice(mint: str, sat: int) -> str:
    client = MintClient(mint)
    try:
        return client.new_mint_quote(sat).request
    finally:
        client.close()


@pytest.fixture
def desk(tmp_path: Path, mint: LocalMint, other_mint: LocalMint) -> Desk:
    return Desk(tmp_path / "alice", os.urandom(64), mint.url, other_mint.url, tmp_path, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("action", ["receive", "send", "reclaim", "mint", "melt"])
def test_a_process_that_dies_at_the_mints_door_is_survived(
    action: str, moment: str, desk: Desk, processes: ForkServerContext, open_wallet: OpenWallet
) -> None:
    carol = open_wallet("carol")
    path = {"mint": "/v1/mint/bolt11", "melt": "/v1/melt/bolt11"}.get(action, "/v1/swap")
    with desk.open() as alice:
        fund(alice, 512, desk.mint)
        alice.send(100, desk.mint, reference="reclaim it")
        while action == "send" and alice.balance()[desk.mint] % 64:
            alice.send(
                alice.balance()[desk.mint] & -alice.balance()[desk.mint], desk.mint, reference=os.urandom(8).hex()
            )
        alice.mint_quote(77, desk.mint)
    argument = ""
    if action == "receive":
        argument = token_of(carol, 90, desk.mint)
    elif action == "send":
        argument = "63"
    elif action == "melt":
        argument = invoice(desk.other_mint, 33)
    reference = "reclaim it" if action == "reclaim" else "died"
    child = processes.Process(target=die_at, args=(desk, path, moment, action, reference, argument))
    child.start()
    child.join(120)
    assert child.exitcode == 9
    with desk.open() as alice:
        assert len(unsettled(alice)) == 1
        (outcome,) = alice.recover()
        assert outcome.error is None
        assert outcome.operation.state is OperationState.DONE
        assert outcome.operation.kind.value == action
        assert alice.recover() == []
        for operation in alice.operations():
            if operation.kind is OperationKind.SEND:
                alice.reclaim(operation.reference)
        holds_all([alice, carol], desk.mint)


def test_what_a_living_wallet_works_on_is_left_alone(open_wallet: OpenWallet, mint: LocalMint) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    other = open_wallet("carol")
    token = token_of(alice, 100, mint.url)
    seen: list[int] = []
    between.on_answer = lambda path: seen.append(len(other.recover())) if path == "/v1/swap" else None
    carol.receive(token, reference="pay")
    assert seen == [0]
    assert other.recover() == []
    holds_all([alice, carol], mint.url)


def test_a_mint_that_changed_its_keyset_meanwhile_is_asked_for_the_new_one(
    mint_environment: Path, tmp_path: Path, open_wallet: OpenWallet
) -> None:
    with LocalMint(mint_environment, tmp_path / "mint") as first:
        alice = open_wallet("alice", accepted=(first.url,))
        carol = open_wallet("carol", accepted=(first.url,))
        token = token_of(alice, 100, first.url)
        fund(alice, 100, first.url)
        fund(carol, 10, first.url)
    rotated = LocalMint(mint_environment, tmp_path / "mint", settings={"MINT_DERIVATION_PATH": "m/0'/1'/0'"})
    with rotated:
        assert rotated.url == first.url
        assert carol.receive(token, reference="pay").amount_sat == 99
        assert alice.send(50, first.url, reference="old coins").face_sat == 50
        fund(alice, 30, first.url)
        assert carol.receive(alice.send(50, first.url, reference="old coins").token, reference="old").amount_sat == 49
        holds_all([alice, carol], rotated.url)
