"""Buying with real ecash: the reference mint, which charges fees, and a real wallet on either side."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from desktop.domain.errors import Busy, ProviderUnreachable
from desktop.domain.inference import Message
from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Price
from desktop.gateway.buyer import Buyer
from desktop.gateway.claims import ClaimKind, Claims
from desktop.gateway.purchase import Answer
from desktop.gateway.question import Question
from desktop.gateway.roads import Roads
from desktop.gateway.session import open_session
from desktop.gateway.settle import Outcome
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.announcement import Provider as Announced
from desktop.network.directory.finder import Found
from desktop.network.local.mint import LocalMint, ensure_environment
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from desktop.wallet.wallet import Wallet
from tests.fakes.http_server import serving
from tests.fakes.provider import Misbehaviour, Provider

ROOT = Path(__file__).parents[2]
LOOPBACK = Reach(loopback=True)
PRICE = Price(1_000_000, 500_000_000, 2000)
QUESTION = Question((Message("user", "Say hello."),), max_tokens=20)
START_SAT = 2000

pytestmark = pytest.mark.slow


class WalletTill:
    """A provider's wallet, as the provider uses it."""

    def __init__(self, wallet: Wallet, mint: str) -> None:
        self._wallet = wallet
        self._mint = mint
        self._references = map(str, itertools.count())

    def redeem(self, token: str) -> int:
        return self._wallet.receive(token, reference=f"in/{next(self._references)}").amount_sat

    def issue(self, amount_sat: int) -> str:
        reference = f"out/{next(self._references)}"
        return self._wallet.send(amount_sat, self._mint, reference=reference, include_receive_fee=True).token


@dataclass
class Market:
    buyer: Buyer
    provider: Provider
    claims: Claims
    buyers_wallet: Wallet
    sellers_wallet: Wallet
    another_run: Callable[[], Buyer]

    def fees_sat(self) -> int:
        """What the mint earned, if no coin is left on the way."""
        wallets = (self.buyers_wallet, self.sellers_wallet)
        assert [sum(wallet.pending().values()) for wallet in wallets] == [0, 0]
        return 2 * START_SAT - sum(sum(wallet.balance().values()) for wallet in wallets)


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMint]:
    environment = ROOT / ".venv-mint"
    ensure_environment(environment)
    with LocalMint(environment, tmp_path_factory.mktemp("mint")) as running:
        yield running


@pytest.fixture
async def market(tmp_path: Path, mint: LocalMint) -> AsyncIterator[Market]:
    async with AsyncExitStack() as stack:
        folders = (tmp_path / "buyer", tmp_path / "seller")
        wallets = [stack.enter_context(Wallet.open(folder, os.urandom(64), [mint.url])) for folder in folders]
        for wallet in wallets:
            await asyncio.to_thread(fund, wallet, mint.url)
        provider = Provider(WalletTill(wallets[1], mint.url), PRICE)
        port = await stack.enter_async_context(serving(provider.app()))
        wire = await stack.enter_async_context(WireServer(b"\x41" * 32, port, LOOPBACK))
        dialer = await stack.enter_async_context(WireDialer(LOOPBACK))
        claims = Claims(tmp_path / "claims")
        listing = Listing("smol", "Smol", ModelKind.CHAT, 2048, 512, PRICE)
        announcement = Announcement("node", (str(wire.address()),), (mint.url,), "1", models=(listing,))
        directory = Directory(Found((Announced("ab" * 32, "cd" * 32, 0, 2**60, announcement),), (), 1))

        def another_run() -> Buyer:
            return Buyer(directory, Roads(dialer), wallets[0], claims, now_ms=lambda: int(time.time() * 1000))

        yield Market(another_run(), provider, claims, wallets[0], wallets[1], another_run)


def fund(wallet: Wallet, mint: str) -> None:
    wallet.mint_tokens(wallet.mint_quote(START_SAT, mint))


class Directory:
    def __init__(self, found: Found) -> None:
        self._found = found

    async def find(self) -> Found:
        return self._found


async def listen(answer: Answer) -> str:
    return "".join([piece async for piece in answer])


async def test_several_at_once_each_with_the_right_bill(market: Market) -> None:
    async def one(*, stream: bool) -> Answer:
        async with market.buyer.ask(Question(QUESTION.messages, max_tokens=20, stream=stream)) as answer:
            assert await listen(answer) == "Hello there, buyer."
        return answer

    answers = await asyncio.gather(*[one(stream=bool(i % 2)) for i in range(6)])
    bills = [answer.bill for answer in answers]
    assert all(bill is not None and bill.honest for bill in bills), bills
    assert market.claims.open_claims() == []
    spent = START_SAT - sum(market.buyers_wallet.balance().values())
    earned = sum(market.sellers_wallet.balance().values()) - START_SAT
    assert Money.from_sat(spent) == sum((bill.spent for bill in bills if bill is not None), Money())
    assert spent == earned + market.fees_sat()


async def test_a_refused_request_brings_the_token_itself_back(market: Market) -> None:
    market.provider.does = Misbehaviour(refuses_with=503)
    with pytest.raises(Busy):
        async with market.buyer.ask(QUESTION):
            pass
    assert market.claims.open_claims() == []
    assert START_SAT - sum(market.buyers_wallet.balance().values()) == market.fees_sat()


async def test_a_broken_answer_brings_back_what_was_not_used(market: Market) -> None:
    market.provider.does = Misbehaviour(stops_after=2)
    async with market.buyer.ask(QUESTION) as answer:
        with pytest.raises(ProviderUnreachable):
            await listen(answer)
    assert market.claims.open_claims() == []
    earned = sum(market.sellers_wallet.balance().values()) - START_SAT
    spent = START_SAT - sum(market.buyers_wallet.balance().values())
    assert spent == earned + market.fees_sat()


async def test_a_token_that_never_left_is_taken_back_at_the_next_start(market: Market) -> None:
    (choice,) = await market.buyer.choices(QUESTION.wish())
    await market.buyer.pay(choice, choice.amount_sat, ClaimKind.REQUEST)
    (settled,) = await market.another_run().recover()
    assert settled.outcome == Outcome.RETURNED
    assert settled.taken_back
    assert START_SAT - sum(market.buyers_wallet.balance().values()) == market.fees_sat()


async def test_a_session_returns_what_is_left(market: Market) -> None:
    (choice,) = await market.buyer.choices(QUESTION.wish())
    async with open_session(market.buyer, choice, 100) as session:
        for _ in range(3):
            async with session.ask(QUESTION) as answer:
                assert await listen(answer) == "Hello there, buyer."
    assert session.refund is not None
    assert session.refund.outcome == Outcome.RETURNED
    assert session.refund.returned_sat == 100 - 13
    spent = START_SAT - sum(market.buyers_wallet.balance().values())
    earned = sum(market.sellers_wallet.balance().values()) - START_SAT
    assert spent == earned + market.fees_sat()
