import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.domain.errors import (
    Busy,
    KeyUnknown,
    MintNotAccepted,
    MintUnreachable,
    ModelNotFound,
    PaymentRequired,
    RequestError,
    TokenInvalid,
    TokenSpent,
    Unavailable,
    WorkerDied,
)
from desktop.domain.inference import Delta
from desktop.domain.job import JobKind, JobState
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.network.api.desk import Order, SessionPayment, Settlement, TokenPayment
from desktop.node.job import NodeJob
from desktop.node.policy.decision import Decision
from desktop.proof.receipts import verify
from desktop.wallet.results import Received
from tests.fakes.patience import until
from tests.fakes.wallet import FakeWallet
from tests.fakes.worker import FakeWorker
from tests.node.house import House, chat, house


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


async def deliver(job: NodeJob) -> Settlement:
    _ = [piece async for piece in job.answer()]
    return await job.settle()


async def settled_clean(shop: House) -> None:
    """Nothing is held, wallet and ledger agree, the ledger agrees with itself."""
    assert await shop.bookkeeping.disagreement() == {}
    assert shop.findings() == []


async def test_a_token_pays_for_one_request_and_its_change_comes_back(shop: House) -> None:
    job = await shop.desk.open(chat(), TokenPayment(shop.wallet.issue(50)))
    settlement = await deliver(job)
    assert settlement.charged == Money(1000 + 7 * 10 + 2 * 50)
    assert settlement.change_token is not None
    assert shop.wallet.inspect(settlement.change_token).amount_sat == 49 - 2
    assert settlement.receipt is not None
    assert verify(settlement.receipt)
    await settled_clean(shop)


async def test_a_token_too_small_is_refused_and_not_redeemed(shop: House) -> None:
    token = shop.wallet.issue(2)
    with pytest.raises(PaymentRequired) as refused:
        await shop.desk.open(chat(), TokenPayment(token))
    assert refused.value.offered_msat == 2000
    assert refused.value.required_msat > 2000
    assert token not in shop.wallet.spent


async def test_a_token_that_the_fee_makes_too_small_is_paid_back(shop: House) -> None:
    most = chat()
    token = shop.wallet.issue(3)
    with pytest.raises(PaymentRequired):
        await shop.desk.open(most, TokenPayment(token))
    assert token in shop.wallet.spent
    assert shop.wallet.inspect(await shop.desk.refund_token(token)).amount_sat == 2
    await settled_clean(shop)


async def test_a_spent_token_buys_nothing(shop: House) -> None:
    token = shop.wallet.issue(50)
    await deliver(await shop.desk.open(chat(), TokenPayment(token)))
    with pytest.raises(TokenSpent):
        await shop.desk.open(chat(), TokenPayment(token))
    await settled_clean(shop)


async def test_one_token_sent_twice_at_once_pays_for_one_job(shop: House) -> None:
    token = shop.wallet.issue(50)
    opened = await asyncio.gather(
        *(shop.desk.open(chat(), TokenPayment(token)) for _ in range(3)), return_exceptions=True
    )
    jobs = [each for each in opened if isinstance(each, NodeJob)]
    assert len(jobs) == 1
    assert all(isinstance(each, TokenSpent) for each in opened if not isinstance(each, NodeJob))
    await deliver(jobs[0])
    await settled_clean(shop)


async def test_a_foreign_mint_and_a_false_token_are_refused_before_any_mint_is_asked(shop: House) -> None:
    shop.wallet.offline = True
    with pytest.raises(MintNotAccepted):
        await shop.desk.open(chat(), TokenPayment(shop.wallet.issue(50, mint="https://else.example.com")))
    with pytest.raises(TokenInvalid):
        await shop.desk.open(chat(), TokenPayment("cashuBnonsense"))


async def test_an_unreachable_mint_leaves_no_trace_and_frees_the_place(tmp_path: Path) -> None:
    async with house(tmp_path, slots=1, queue=0) as shop:
        shop.wallet.offline = True
        token = shop.wallet.issue(50)
        with pytest.raises(MintUnreachable):
            await shop.desk.open(chat(), TokenPayment(token))
        shop.wallet.offline = False
        await deliver(await shop.desk.open(chat(), TokenPayment(token)))
        await settled_clean(shop)


async def test_a_refund_asked_while_the_job_runs_waits_for_its_end(tmp_path: Path) -> None:
    worker = FakeWorker(("a", "b"), gated=True)
    async with house(tmp_path, worker=worker) as shop:
        token = shop.wallet.issue(60)
        job = await shop.desk.open(chat(), TokenPayment(token))
        with pytest.raises(Busy):
            await shop.desk.refund_token(token)
        worker.die("killed")
        with pytest.raises(WorkerDied):
            _ = [piece async for piece in job.answer()]
        settlement = await job.settle()
        assert settlement.charged == Money()
        assert settlement.change_token == await shop.desk.refund_token(token)
        assert settlement.change_token is not None
        assert shop.wallet.inspect(settlement.change_token).amount_sat == 59
        await settled_clean(shop)


async def test_change_that_no_mint_can_make_now_is_fetched_later(shop: House) -> None:
    token = shop.wallet.issue(50)
    job = await shop.desk.open(chat(), TokenPayment(token))
    shop.wallet.offline = True
    settlement = await deliver(job)
    assert settlement.change_token is None
    with pytest.raises(MintUnreachable):
        await shop.desk.refund_token(token)
    shop.wallet.offline = False
    first = await shop.desk.refund_token(token)
    assert first == await shop.desk.refund_token(token)
    await settled_clean(shop)


async def test_a_session_pays_for_many_and_is_paid_out_once(shop: House) -> None:
    token = shop.wallet.issue(50)
    key, balance = await shop.desk.create_account(token)
    assert balance == Money.from_sat(49)
    assert (key, balance) == await shop.desk.create_account(token)
    for _ in range(3):
        settlement = await deliver(await shop.desk.open(chat(), SessionPayment(key)))
        assert settlement.change_token is None
    account = await shop.desk.account(key)
    assert account.requests == 3
    assert account.available == balance - account.spent
    assert await shop.desk.top_up(key, shop.wallet.issue(10)) == Money.from_sat(9)
    refund = await shop.desk.close_account(key)
    assert refund == await shop.desk.close_account(key)
    with pytest.raises(KeyUnknown):
        await shop.desk.open(chat(), SessionPayment(key))
    await settled_clean(shop)


async def test_a_refund_whose_answer_got_lost_is_fetched_again_with_the_sessions_token(shop: House) -> None:
    token = shop.wallet.issue(50)
    key, _ = await shop.desk.create_account(token)
    lost = await shop.desk.close_account(key)
    assert await shop.desk.create_account(token) == (key, Money())
    assert await shop.desk.close_account(key) == lost
    await settled_clean(shop)


class UnheardWallet(FakeWallet):
    """Its mint takes the first token, and its answer gets lost."""

    answers_lost = 1

    def receive(self, token: str, *, reference: str) -> Received:
        received = super().receive(token, reference=reference)
        if self.answers_lost:
            self.answers_lost -= 1
            raise MintUnreachable("The mint does not answer.")
        return received


async def test_a_token_the_mint_took_without_a_word_is_refunded_when_it_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path, wallet=UnheardWallet()) as shop:
        token = shop.wallet.issue(50)
        with pytest.raises(MintUnreachable):
            await shop.desk.open(chat(), TokenPayment(token))
        refund = await shop.desk.refund_token(token)
        assert shop.wallet.inspect(refund).amount_sat == 49
        assert await shop.desk.refund_token(token) == refund
        with pytest.raises(TokenSpent):
            await shop.desk.open(chat(), TokenPayment(token))
        await settled_clean(shop)


class SlowWallet(FakeWallet):
    """Its mint takes a token, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answers = threading.Event(), threading.Event()
        self.answers.set()

    def receive(self, token: str, *, reference: str) -> Received:
        self.asked.set()
        assert self.answers.wait(30)
        return super().receive(token, reference=reference)


async def test_a_top_up_on_its_way_is_part_of_the_refund(tmp_path: Path) -> None:
    wallet = SlowWallet()
    async with house(tmp_path, wallet=wallet) as shop:
        key, _ = await shop.desk.create_account(wallet.issue(50))
        wallet.asked.clear()
        wallet.answers.clear()
        topping_up = asyncio.create_task(shop.desk.top_up(key, wallet.issue(10)))
        await until(wallet.asked.is_set)
        with pytest.raises(Busy):
            await shop.desk.close_account(key)
        with pytest.raises(KeyUnknown):
            await shop.desk.top_up(key, wallet.issue(20))
        wallet.answers.set()
        assert await topping_up == Money.from_sat(9)
        assert wallet.inspect(await shop.desk.close_account(key)).amount_sat == 49 + 9
        await settled_clean(shop)


async def test_a_session_never_spends_what_is_held(tmp_path: Path) -> None:
    async with house(tmp_path, worker=FakeWorker(gated=True)) as shop:
        key, _ = await shop.desk.create_account(shop.wallet.issue(6))
        job = await shop.desk.open(chat(), SessionPayment(key))
        with pytest.raises(PaymentRequired):
            await shop.desk.open(chat("x" * 200), SessionPayment(key))
        with pytest.raises(Busy):
            await shop.desk.close_account(key)
        await job.settle()
        await shop.desk.close_account(key)
        await settled_clean(shop)


async def test_unknown_keys_models_and_wrong_kinds_are_named(shop: House) -> None:
    with pytest.raises(KeyUnknown):
        await shop.desk.account("sk-nobody")
    with pytest.raises(ModelNotFound):
        await shop.desk.open(chat(model="absent"), TokenPayment(shop.wallet.issue(50)))
    with pytest.raises(RequestError) as refused:
        await shop.desk.open(chat(model="vectors"), TokenPayment(shop.wallet.issue(50)))
    assert refused.value.parameter == "model"


async def test_a_paused_node_offers_and_takes_nothing(shop: House) -> None:
    shop.decision = Decision(NodeState.PAUSED, Reason.PAUSED_BY_OWNER)
    assert shop.desk.offers() == ()
    token = shop.wallet.issue(50)
    with pytest.raises(Unavailable):
        await shop.desk.open(chat(), TokenPayment(token))
    assert token not in shop.wallet.spent


async def test_a_full_house_takes_no_money(tmp_path: Path) -> None:
    async with house(tmp_path, worker=FakeWorker(gated=True), slots=1, queue=0) as shop:
        job = await shop.desk.open(chat(), TokenPayment(shop.wallet.issue(50)))
        token = shop.wallet.issue(51)
        with pytest.raises(Busy):
            await shop.desk.open(chat(), TokenPayment(token))
        assert token not in shop.wallet.spent
        await job.settle()


async def test_embeddings_are_sold_too(shop: House) -> None:
    order = Order(JobKind.EMBEDDING, "vectors", texts=("one", "two"))
    job = await shop.desk.open(order, TokenPayment(shop.wallet.issue(50)))
    assert len((await job.vectors()).vectors) == 2
    assert (await job.settle()).usage.prompt_tokens == 6
    await settled_clean(shop)


async def test_draining_stops_and_settles_what_does_not_end(tmp_path: Path) -> None:
    worker = FakeWorker(("a", "b", "c"), gated=True)
    async with house(tmp_path, worker=worker) as shop:
        job = await shop.desk.open(chat(), TokenPayment(shop.wallet.issue(50)))
        assert worker.permits is not None
        worker.permits.release()
        assert await anext(job.answer()) == Delta("a", 1)
        await shop.desk.drain(0)
        assert shop.desk.open_jobs == 0
        recorded = await shop.books.run(lambda ledger: ledger.job(job.id))
        assert recorded is not None
        assert recorded.state is JobState.CANCELLED
        assert recorded.usage.completion_tokens == 1
        await settled_clean(shop)


async def test_a_payment_request_names_the_mints_we_accept(shop: House) -> None:
    assert shop.desk.payment_request(Money(1500), "a question").startswith("creqA")
