"""Killed at random instants, again and again: the money adds up to the sat."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest
from coincurve import PublicKey

from desktop.network.local.mint import LocalMint
from desktop.wallet import coin_records
from desktop.wallet.curve import carried_dleq_holds
from desktop.wallet.derivation import SecretSource
from desktop.wallet.keyset_records import load_keysets
from desktop.wallet.operation import OperationKind
from desktop.wallet.signing import whole
from desktop.wallet.storage import Storage
from desktop.wallet.wallet import Wallet
from tests.wallet.dealer import Desk, deal, deliver, gone, minted, take_back, unsettled
from tests.wallet.money import fund

ROUNDS = 6
MOST_STEPS = 8
MOST_LATER_S = 0.05
SETTLED_WITHIN_S = 120.0


@pytest.fixture
def seed() -> int:
    """New dice every time; a failure shows them."""
    chosen = int.from_bytes(os.urandom(4), "big")
    print(f"dice: {chosen}")  # noqa: T201 - pytest shows it with a failure
    return chosen


def two_desks(folder: Path, mint: str, other_mint: str) -> tuple[Desk, Desk]:
    inboxes = [folder / "to-node", folder / "to-buyer"]
    for inbox in inboxes:
        inbox.mkdir()
    node = Desk(folder / "node", os.urandom(64), mint, other_mint, inboxes[0], inboxes[1])
    buyer = Desk(folder / "buyer", os.urandom(64), mint, other_mint, inboxes[1], inboxes[0])
    return node, buyer


@contextmanager
def dealing(processes: ForkServerContext, desks: list[Desk], dice: random.Random) -> Iterator[list[ForkServerProcess]]:
    """One dealer at each desk, killed at the end whatever it is doing."""
    children = [processes.Process(target=deal, args=(desk, dice.getrandbits(32))) for desk in desks]
    for child in children:
        child.start()
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.join()
    assert [child.exitcode for child in children] == [-9] * len(children), "a dealer died of something else"


def wait_for_a_random_instant(desks: list[Desk], dice: random.Random) -> None:
    """A few steps of any dealer from now, and somewhere inside one."""
    with ExitStack() as stack:
        wallets = [stack.enter_context(desk.open()) for desk in desks]
        done = wanted = sum(len(wallet.operations()) for wallet in wallets)
        wanted += dice.randint(1, MOST_STEPS)
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while done < wanted:
            assert time.monotonic() < deadline, "the dealers are stuck"
            time.sleep(0.005)
            done = sum(len(wallet.operations()) for wallet in wallets)
    time.sleep(dice.uniform(0, MOST_LATER_S))


def settle(wallets: list[Wallet], desks: list[Desk]) -> None:
    """Finish what was begun, deliver every letter, and take back every token that never left."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        for wallet in wallets:
            wallet.recover()
        for wallet, desk in zip(wallets, desks, strict=True):
            deliver(desk, wallet)
        for wallet in wallets:
            take_back(wallet)
        if not any(unsettled(wallet) for wallet in wallets) or time.monotonic() > deadline:
            return


def books_add_up(wallets: list[Wallet]) -> None:
    """Nothing is open, and every sat that was minted is in a wallet, or went to the mint as is written down."""
    assert [unsettled(wallet) for wallet in wallets] == [[], []]
    assert all(check.agrees for wallet in wallets for check in wallet.check())
    assert [dict(wallet.pending()) for wallet in wallets] == [{}, {}]
    assert [dict(wallet.outstanding()) for wallet in wallets] == [{}, {}]
    assert sats([dict(wallet.balance()) for wallet in wallets]) + gone(wallets) == minted(wallets)


def sats(parts: list[dict[str, int]]) -> int:
    return sum(sum(part.values()) for part in parts)


@pytest.mark.slow
def test_wallets_killed_at_random_instants_lose_nothing(
    tmp_path: Path, mint: LocalMint, other_mint: LocalMint, processes: ForkServerContext, seed: int
) -> None:
    """Three processes deal: two of them share a wallet, as a node and a command do."""
    dice = random.Random(seed)
    node, buyer = two_desks(tmp_path, mint.url, other_mint.url)
    for desk in (node, buyer):
        with desk.open() as wallet:
            fund(wallet, 1000, mint.url)
    for _ in range(ROUNDS):
        with dealing(processes, [node, node, buyer], dice):
            wait_for_a_random_instant([node, buyer], dice)
    with node.open() as nodes, buyer.open() as buyers:
        wallets = [nodes, buyers]
        settle(wallets, [node, buyer])
        books_add_up(wallets)
    for desk in (node, buyer):
        the_seed_knows_it_all(desk, tmp_path / f"again-{desk.folder.name}")


def the_seed_knows_it_all(desk: Desk, folder: Path) -> None:
    """A wallet made in that folder from the seed alone finds every coin of the desk's, and nothing else.

    Of the same amount, too, unless the mint has settled one payment twice: the reference mint does so if it is asked
    about it in the wrong instant, and forgets the sat of its fee the second time. It then signs the change anew, for a
    sat more or less: the same secret for another amount, or one secret more. Every signature is good, and for a secret
    it restores the one it gave last. `free_coins` proves each of them.
    """
    with desk.open() as wallet, Wallet.open(folder, desk.seed, (desk.mint,)) as again:
        again.restore(desk.mint)
        payments = sum(operation.kind is OperationKind.MELT for operation in wallet.operations())
    kept, found = free_coins(desk, desk.folder), free_coins(desk, folder)
    assert kept.keys() <= found.keys()
    settled_twice = [name for name, amount in found.items() if kept.get(name) != amount]
    assert len(settled_twice) <= payments
    assert abs(sum(found.values()) - sum(kept.values())) <= len(settled_twice)


def free_coins(desk: Desk, folder: Path) -> dict[tuple[str, int], int]:
    """The amounts in a folder's wallet by keyset and number, each proven to be what the mint has signed (NUT-12)."""
    storage = Storage.open(folder / "wallet.db")
    try:
        with storage.transaction() as db:
            stored = coin_records.coins_in_state(db, desk.mint, "free")
            keysets = load_keysets(db, desk.mint)
    finally:
        storage.close()
    for coin in whole(SecretSource(desk.seed), stored):
        key = keysets[coin.keyset_id].point(coin.amount)
        assert coin.dleq is not None
        assert key is not None
        assert carried_dleq_holds(coin.dleq, key=key, secret=coin.secret, unblinded=PublicKey(coin.signature))
    return {(one.keyset_id, one.counter): one.amount for one in stored}


@pytest.mark.slow
def test_a_mint_killed_at_random_instants_loses_nothing_of_ours(
    tmp_path: Path, mint_environment: Path, other_mint: LocalMint, processes: ForkServerContext, seed: int
) -> None:
    """The mint dies in the middle of requests. What it leaves locked on its side is counted as pending, not as lost."""
    dice = random.Random(seed)
    with ExitStack() as stack:
        mint = LocalMint(mint_environment, tmp_path / "mint")
        stack.enter_context(mint)
        node, buyer = two_desks(tmp_path, mint.url, other_mint.url)
        for desk in (node, buyer):
            with desk.open() as wallet:
                fund(wallet, 1000, mint.url)
        with dealing(processes, [node, buyer], dice):
            for _ in range(2):
                wait_for_a_random_instant([node, buyer], dice)
                mint.kill()
                mint.start()
        with node.open() as nodes, buyer.open() as buyers:
            wallets = [nodes, buyers]
            settle_what_can_be(wallets, [node, buyer])
            assert all(check.agrees for wallet in wallets for check in wallet.check())
            ours = [
                dict(part) for wallet in wallets for part in (wallet.balance(), wallet.pending(), wallet.outstanding())
            ]
            assert sats(ours) + gone(wallets) == minted(wallets)


def settle_what_can_be(wallets: list[Wallet], desks: list[Desk]) -> None:
    """The reference mint forgets to unlock the coins of a swap it died in; those stay pending for ever."""
    for _ in range(2):
        for wallet in wallets:
            wallet.recover()
        for wallet, desk in zip(wallets, desks, strict=True):
            deliver(desk, wallet)
        for wallet in wallets:
            take_back(wallet)


def test_two_processes_share_a_wallet(
    tmp_path: Path, mint: LocalMint, other_mint: LocalMint, processes: ForkServerContext, seed: int
) -> None:
    dice = random.Random(seed)
    node, buyer = two_desks(tmp_path, mint.url, other_mint.url)
    for desk in (node, buyer):
        with desk.open() as wallet:
            fund(wallet, 1000, mint.url)
    children = [processes.Process(target=deal, args=(desk, dice.getrandbits(32), 12)) for desk in (node, node, buyer)]
    for child in children:
        child.start()
    for child in children:
        child.join(150)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with node.open() as nodes, buyer.open() as buyers:
        wallets = [nodes, buyers]
        settle(wallets, [node, buyer])
        books_add_up(wallets)
