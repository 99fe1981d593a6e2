"""A process that deals with money as fast as it can until it is killed, and the books to close afterwards."""

from __future__ import annotations

import os
import random
import sys
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from desktop.domain.errors import FundsShort, MintUnreachable, PayoutFailed, TokenSpent
from desktop.wallet.mint_client import MintClient
from desktop.wallet.operation import Operation, OperationKind, OperationState
from desktop.wallet.wallet import Wallet
from tests.wallet.between import Between
from tests.wallet.money import fund


@dataclass(frozen=True)
class Desk:
    """Where a dealer sits: its wallet, its inbox, and the inbox of the one it pays."""

    folder: Path
    seed: bytes
    mint: str
    other_mint: str
    inbox: Path
    peer: Path

    def open(self, between: Between | None = None) -> Wallet:
        return Wallet.open(self.folder, self.seed, (self.mint,), new_session=(between or Between()).session)


def deal(desk: Desk, seed: int, turns: int = sys.maxsize) -> None:
    """Deal that many times, or practically for ever."""
    dice = random.Random(seed)
    actions = [pay, pay, pay, pay, collect, collect, collect, collect, mint, melt]
    with desk.open() as wallet:
        wallet.recover()
        for _ in range(turns):
            with suppress(FundsShort, MintUnreachable, PayoutFailed):
                dice.choice(actions)(desk, wallet, dice)


def pay(desk: Desk, wallet: Wallet, dice: random.Random) -> None:
    reference = uuid.uuid4().hex
    sent = wallet.send(dice.randint(3, 60), desk.mint, reference=reference, include_receive_fee=dice.random() < 0.5)
    draft = desk.peer / f"{reference}.draft"
    draft.write_text(sent.token, "utf-8")
    draft.rename(desk.peer / f"{reference}.token")


def collect(desk: Desk, wallet: Wallet, dice: random.Random) -> None:
    letters = list(desk.inbox.glob("*.token"))
    if letters:
        letter = dice.choice(letters)
        with suppress(FileNotFoundError):
            wallet.receive(letter.read_text("utf-8"), reference=letter.stem)
            letter.unlink(missing_ok=True)


def mint(desk: Desk, wallet: Wallet, dice: random.Random) -> None:
    fund(wallet, dice.randint(20, 90), desk.mint)


def melt(desk: Desk, wallet: Wallet, dice: random.Random) -> None:
    client = MintClient(desk.other_mint)
    invoice = client.new_mint_quote(dice.randint(5, 20)).request
    client.close()
    wallet.melt(wallet.melt_quote(invoice, desk.mint))


def die_at(desk: Desk, path: str, moment: str, action: str, reference: str, argument: str) -> None:
    """Do one thing, and die like a process that is killed before, or just after, the mint has answered at `path`."""
    between = Between()

    def die(asked: str) -> None:
        if asked.startswith(path):
            os._exit(9)

    if moment == "before":
        between.on_call = die
    else:
        between.on_answer = die
    wallet = desk.open(between)
    if action == "receive":
        wallet.receive(argument, reference=reference)
    elif action == "send":
        wallet.send(int(argument), desk.mint, reference=reference)
    elif action == "reclaim":
        wallet.reclaim(reference)
    elif action == "mint":
        wallet.mint_tokens(wallet.mint_quotes()[0])
    elif action == "melt":
        wallet.melt(wallet.melt_quote(argument, desk.mint))
    os._exit(0)


def unsettled(wallet: Wallet) -> list[Operation]:
    states = {OperationState.RUNNING, OperationState.STALLED}
    return [operation for operation in wallet.operations() if operation.state in states]


def deliver(desk: Desk, wallet: Wallet) -> None:
    """Collect every letter, and take back every token that never became one."""
    for letter in list(desk.inbox.glob("*.token")):
        with suppress(MintUnreachable):
            wallet.receive(letter.read_text("utf-8"), reference=letter.stem)
            letter.unlink()


def take_back(wallet: Wallet) -> None:
    """Take back all tokens that nobody has redeemed."""
    for operation in wallet.operations():
        if operation.kind is OperationKind.SEND and operation.state is OperationState.DONE:
            with suppress(MintUnreachable, TokenSpent):
                wallet.reclaim(operation.reference)


def minted(wallets: Iterable[Wallet]) -> int:
    """All sats that came into being."""
    return sum(one.amount_sat for wallet in wallets for one in _done(wallet) if one.kind is OperationKind.MINT)


def gone(wallets: Iterable[Wallet]) -> int:
    """All sats that went to the mint as fees, or out through Lightning."""
    return sum(
        one.fee_sat + (one.amount_sat if one.kind is OperationKind.MELT else 0)
        for wallet in wallets
        for one in _done(wallet)
    )


def _done(wallet: Wallet) -> list[Operation]:
    return [operation for operation in wallet.operations() if operation.state is OperationState.DONE]
