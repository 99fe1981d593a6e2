"""The buyer against providers behind real endpoints of the wire: honest, dishonest, broken, gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from desktop.domain.errors import Busy, FundsShort, ModelNotFound, ProviderUnreachable
from desktop.domain.inference import Message
from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Price
from desktop.gateway.buyer import Buyer
from desktop.gateway.claims import ClaimKind, Claims
from desktop.gateway.purchase import Answer
from desktop.gateway.question import Question, Texts
from desktop.gateway.roads import PATIENCE, Roads
from desktop.gateway.session import open_session
from desktop.gateway.settle import Outcome
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.announcement import Provider as Announced
from desktop.network.directory.finder import Found
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from tests.fakes.http_server import serving
from tests.fakes.provider import Misbehaviour, Provider
from tests.fakes.purse import MINT, ImaginaryMint, ImaginaryPurse

LOOPBACK = Reach(loopback=True)
PRICE = Price(1_000_000, 500_000_000, 2000)
QUESTION = Question((Message("user", "Say hello."),), model="smol", max_tokens=20)
START_SAT = 1000


class Market:
    """Providers on the wire, one mint, one buyer."""

    def __init__(self, folder: Path, stack: AsyncExitStack, mint: ImaginaryMint, road: Roads) -> None:
        self.mint = mint
        self.purse = ImaginaryPurse(mint, START_SAT)
        self.claims = Claims(folder / "claims")
        self.listed: list[Announced] = []
        self._stack = stack
        self._road = road
        self._skew_ms = 0
        self.buyer = self.another_run()

    def another_run(self) -> Buyer:
        return Buyer(self, self._road, self.purse, self.claims, now_ms=self.now_ms, patience_s=1.0)

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self._skew_ms

    def later(self, minutes: int) -> None:
        self._skew_ms += minutes * 60_000

    async def find(self) -> Found:
        return Found(tuple(self.listed), (), 2)

    async def open_shop(self, does: Misbehaviour | None = None, price: Price = PRICE) -> tuple[Provider, WireServer]:
        provider = Provider(self.mint, price, does=does or Misbehaviour())
        port = await self._stack.enter_async_context(serving(provider.app()))
        number = len(self.listed) + 1
        wire = await self._stack.enter_async_context(WireServer(bytes([number]) * 32, port, LOOPBACK))
        self.list(number, str(wire.address()), price)
        return provider, wire

    def list(self, number: int, url: str, price: Price = PRICE) -> None:
        models = (
            Listing("smol", "Smol", ModelKind.CHAT, 2048, 512, price),
            Listing("mini", "Mini", ModelKind.EMBEDDING, 256, 0, price),
        )
        announcement = Announcement(f"node-{number}", (url,), (MINT,), "1", models=models)
        self.listed.append(Announced(f"{number:064x}", "ab" * 32, 0, 2**60, announcement))

    def check_books(self, *providers: Provider) -> None:
        """Every sat is with the buyer, earned, a fee, or still a token somebody may redeem."""
        earned = sum(provider.earned_msat for provider in providers)
        held = self.purse.funds_sat + self.mint.outstanding_sat + self.mint.fees_sat
        assert Money.from_sat(START_SAT) == Money.from_sat(held) + Money(earned)


@pytest.fixture(params=[0, 1], ids=["free mint", "mint with fees"])
async def market(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Market]:
    async with opened(tmp_path, ImaginaryMint(fee_sat=request.param)) as market:
        yield market


@asynccontextmanager
async def opened(folder: Path, mint: ImaginaryMint, patience: httpx.Timeout = PATIENCE) -> AsyncIterator[Market]:
    async with AsyncExitStack() as stack, WireDialer(LOOPBACK, connect_s=1.0) as dialer:
        yield Market(folder, stack, mint, Roads(dialer, patience))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_honest_provider_answers_and_gives_the_right_change(market: Market, *, stream: bool) -> None:
    provider, _ = await market.open_shop()
    question = Question(QUESTION.messages, max_tokens=20, stream=stream)
    async with market.buyer.ask(question) as answer:
        pieces = [piece async for piece in answer]
    assert "".join(pieces) == "Hello there, buyer."
    assert len(pieces) == (4 if stream else 1)
    bill = answer.bill
    assert bill is not None
    assert bill.honest, bill.complaint
    assert bill.expected == bill.charged == Money(4010)
    assert bill.paid - bill.change == Money.from_sat(5)
    assert bill.spent == Money.from_sat(START_SAT - market.purse.funds_sat)
    assert market.claims.open_claims() == []
    assert provider.earned_msat == 5000
    market.check_books(provider)


async def test_vectors_come_in_order(market: Market) -> None:
    provider, _ = await market.open_shop()
    answer = await market.buyer.embed(Texts(("a", "b", "c")))
    assert answer.vectors == [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
    assert answer.bill is not None
    assert answer.bill.honest
    market.check_books(provider)


@pytest.mark.parametrize(
    ("does", "complaint"),
    [
        (Misbehaviour(keeps_sat=3), "kept 8 sat"),
        (Misbehaviour(says_msat_more=1), "charged 4.011 sat"),
        (Misbehaviour(counts_more=10_000), "there cannot be more"),
    ],
)
async def test_a_wrong_bill_is_noticed(market: Market, does: Misbehaviour, complaint: str) -> None:
    provider, _ = await market.open_shop(does)
    async with market.buyer.ask(QUESTION) as answer:
        assert "".join([piece async for piece in answer]) == "Hello there, buyer."
    assert answer.bill is not None
    assert not answer.bill.honest
    assert complaint in answer.bill.complaint
    market.check_books(provider)


async def test_change_that_was_not_handed_over_is_fetched(market: Market) -> None:
    provider, _ = await market.open_shop(Misbehaviour(keeps_change=True))
    async with market.buyer.ask(QUESTION) as answer:
        assert [piece async for piece in answer]
    assert answer.bill is not None
    assert answer.bill.honest
    assert provider.earned_msat == 5000
    market.check_books(provider)


async def test_an_answer_that_breaks_off_is_refunded_but_for_what_was_delivered(market: Market) -> None:
    provider, _ = await market.open_shop(Misbehaviour(stops_after=2))
    async with market.buyer.ask(QUESTION) as answer:
        with pytest.raises(ProviderUnreachable, match="broke off"):
            await listen(answer)
    assert answer.closing.complete is False
    assert market.claims.open_claims() == []
    assert provider.earned_msat == 4000
    market.check_books(provider)


async def test_who_leaves_early_gets_the_rest_back(market: Market) -> None:
    provider, _ = await market.open_shop()
    provider.words = ("word",) * 20
    async with market.buyer.ask(QUESTION) as answer:
        async for _ in answer:
            break
    assert answer.bill is not None
    assert answer.bill.change > Money.from_sat(3)
    assert market.claims.open_claims() == []
    market.check_books(provider)


async def test_an_unreachable_provider_costs_nothing_and_the_next_one_answers(market: Market) -> None:
    market.list(1, f"iroh://{'ab' * 32}?addr=127.0.0.1:9", Price(0, 0))
    provider, _ = await market.open_shop()
    async with market.buyer.ask(QUESTION) as answer:
        assert [piece async for piece in answer]
    assert answer.choice.provider.public_key == f"{2:064x}"
    market.check_books(provider)


@pytest.mark.parametrize("keeps", [False, True], ids=["untouched", "redeemed"])
async def test_a_provider_that_refuses_gives_the_money_back_and_the_next_one_answers(
    market: Market, *, keeps: bool
) -> None:
    busy, _ = await market.open_shop(Misbehaviour(refuses_with=503, keeps_on_refusal=keeps), Price(1, 1))
    provider, _ = await market.open_shop()
    async with market.buyer.ask(QUESTION) as answer:
        assert [piece async for piece in answer]
    assert busy.asked == provider.asked == 1
    assert market.claims.open_claims() == []
    market.check_books(busy, provider)


async def test_when_all_are_busy_the_buyer_is_told(market: Market) -> None:
    provider, _ = await market.open_shop(Misbehaviour(refuses_with=503))
    with pytest.raises(Busy):
        async with market.buyer.ask(QUESTION):
            pass
    market.check_books(provider)


async def test_nobody_else_is_asked_while_the_money_is_not_back(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint()) as market:
        thief, _ = await market.open_shop(
            Misbehaviour(refuses_with=503, keeps_on_refusal=True, never_refunds=True), Price(1, 1)
        )
        other, _ = await market.open_shop()
        with pytest.raises(ProviderUnreachable, match="not back yet"):
            async with market.buyer.ask(QUESTION):
                pass
        assert other.asked == 0
        assert len(market.claims.open_claims()) == 1
        # Later the provider thinks better of it.
        thief.does = Misbehaviour()
        assert [s.outcome for s in await market.another_run().recover()] == [Outcome.RETURNED]
        assert market.purse.funds_sat == START_SAT


async def test_a_provider_that_never_refunds_gets_the_last_word_after_a_while(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint()) as market:
        await market.open_shop(Misbehaviour(refuses_with=500, keeps_on_refusal=True, never_refunds=True))
        with pytest.raises(ProviderUnreachable):
            async with market.buyer.ask(QUESTION):
                pass
        assert [s.outcome for s in await market.buyer.recover()] == [Outcome.OPEN]
        market.later(minutes=20)
        assert [s.outcome for s in await market.buyer.recover()] == [Outcome.NOTHING_OWED]
        assert market.claims.open_claims() == []


async def test_the_mint_is_away_when_the_change_comes_and_it_is_taken_later(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint()) as market:
        provider, _ = await market.open_shop()
        async with market.buyer.ask(QUESTION) as answer:
            async for _ in answer:
                market.mint.away = True
        assert answer.bill is not None
        assert not answer.bill.honest
        assert "still owed" in answer.bill.complaint
        market.mint.away = False
        assert [s.outcome for s in await market.another_run().recover()] == [Outcome.RETURNED]
        assert market.purse.funds_sat == START_SAT - 5
        market.check_books(provider)


async def listen(answer: Answer, then: Callable[[], Awaitable[None]] | None = None) -> list[str]:
    heard = []
    async for piece in answer:
        heard.append(piece)
        if then is not None:
            await then()
    return heard


async def test_a_provider_that_dies_in_the_middle_owes_until_it_is_back(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint()) as market:
        provider, wire = await market.open_shop()
        provider.words = ("word",) * 20
        async with market.buyer.ask(QUESTION) as answer:
            with pytest.raises(ProviderUnreachable, match="broke off"):
                await listen(answer, then=lambda: wire.stop(grace_s=0))
        assert len(market.claims.open_claims()) == 1
        await wire.start()
        market.listed.clear()
        market.list(1, str(wire.address()))
        assert [s.outcome for s in await market.another_run().recover()] == [Outcome.RETURNED]
        market.check_books(provider)


async def test_a_provider_that_says_nothing_is_left_with_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint(), httpx.Timeout(0.5)) as market:
        provider, _ = await market.open_shop(Misbehaviour(silent=True))
        with pytest.raises(ProviderUnreachable, match="ReadTimeout"):
            async with market.buyer.ask(QUESTION):
                pass
        assert market.purse.funds_sat == START_SAT
        assert market.claims.open_claims() == []
        assert provider.earned_msat == 0


async def test_too_little_money_or_no_such_model_is_said_before_anything_is_paid(market: Market) -> None:
    await market.open_shop()
    with pytest.raises(ModelNotFound, match="Nobody offers huge"):
        async with market.buyer.ask(Question(QUESTION.messages, model="huge")):
            pass
    market.purse.funds_sat = 3
    with pytest.raises(FundsShort):
        async with market.buyer.ask(QUESTION):
            pass
    assert market.claims.open_claims() == []


async def test_a_session_answers_many_and_returns_the_rest(market: Market) -> None:
    await market.open_shop()
    choice = (await market.buyer.choices(QUESTION.wish()))[0]
    async with open_session(market.buyer, choice, 100) as session:

        async def one() -> str:
            async with session.ask(QUESTION) as answer:
                text = "".join([piece async for piece in answer])
            assert answer.bill is not None
            assert answer.bill.honest
            return text

        assert await asyncio.gather(*[one() for _ in range(4)]) == ["Hello there, buyer."] * 4
    assert session.refund is not None
    # Four times 4.010 sat; what is left below a sat stays with the provider.
    assert session.refund.returned_sat == 83 - market.mint.fee_sat
    assert market.claims.open_claims() == []


async def test_a_session_nobody_closed_is_refunded_at_the_next_start(tmp_path: Path) -> None:
    async with opened(tmp_path, ImaginaryMint()) as market:
        await market.open_shop()
        choice = (await market.buyer.choices(QUESTION.wish()))[0]
        payment = await market.buyer.pay(choice, 100, ClaimKind.SESSION)
        async with await market.buyer.open_road(choice) as client:
            await client.post("/v1/balance/create", json={"initial_balance_token": payment.headers["X-Cashu"]})
        assert [s.outcome for s in await market.another_run().recover()] == [Outcome.RETURNED]
        assert market.purse.funds_sat == START_SAT
