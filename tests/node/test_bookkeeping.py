from pathlib import Path

import pytest

from desktop.domain.errors import KeyUnknown, TokenSpent
from desktop.domain.job import JobState
from desktop.network.api.desk import TokenPayment
from desktop.node import references
from desktop.node.cashier import Purchase
from tests.fakes.wallet import FakeWallet
from tests.fakes.worker import FakeWorker
from tests.node.house import chat, house


async def test_money_redeemed_just_before_a_crash_is_booked_and_owed(tmp_path: Path) -> None:
    wallet = FakeWallet()
    token = wallet.issue(50)
    summary = wallet.inspect(token)
    purchase = Purchase(token, summary, references.token_account(summary.digest))
    wallet.receive(token, reference=purchase.reference)  # and here the node was killed
    async with house(tmp_path, wallet=wallet) as shop:
        healed = await shop.bookkeeping.heal()
        assert (healed.booked, healed.refunded_jobs) == (1, 0)
        assert wallet.recoveries == 1
        with pytest.raises(TokenSpent):
            await shop.desk.open(chat(), TokenPayment(token))
        assert wallet.inspect(await shop.desk.refund_token(token)).amount_sat == 49
        assert await shop.bookkeeping.disagreement() == {}
        assert shop.findings() == []


async def test_change_made_just_before_a_crash_is_booked_once_and_given_again(tmp_path: Path) -> None:
    wallet = FakeWallet()
    async with house(tmp_path, wallet=wallet) as shop:
        token = wallet.issue(50)
        summary = wallet.inspect(token)
        account = references.token_account(summary.digest)
        await shop.cashier.redeem(Purchase(token, summary, account))
        reference = references.change(account)
        await shop.books.run(lambda ledger: ledger.reserve_payout(account, reference, 5))
        made = wallet.send(49, summary.mint, reference=reference)  # and here the node was killed
    async with house(tmp_path, wallet=wallet) as shop:
        assert (await shop.bookkeeping.heal()).booked == 1
        assert (await shop.bookkeeping.heal()).booked == 0
        assert await shop.desk.refund_token(token) == made.token
        assert await shop.bookkeeping.disagreement() == {}
        assert shop.findings() == []


async def test_a_job_that_was_running_is_refunded_at_the_next_start(tmp_path: Path) -> None:
    wallet = FakeWallet()
    token = wallet.issue(50)
    async with house(tmp_path, wallet=wallet, worker=FakeWorker(gated=True)) as shop:
        job = await shop.desk.open(chat(), TokenPayment(token))  # never settled: the node was killed
        job_id = job.id
    async with house(tmp_path, wallet=wallet) as shop:
        assert (await shop.bookkeeping.heal()).refunded_jobs == 1
        recorded = await shop.books.run(lambda ledger: ledger.job(job_id))
        assert recorded is not None
        assert recorded.state is JobState.FAILED
        assert not recorded.charged
        assert wallet.inspect(await shop.desk.refund_token(token)).amount_sat == 49
        assert shop.findings() == []


async def test_a_token_the_mint_took_after_we_gave_up_is_booked_while_running(tmp_path: Path) -> None:
    wallet = FakeWallet()
    token = wallet.issue(50)
    summary = wallet.inspect(token)
    reference = references.deposit(references.token_account(summary.digest), summary.digest)
    async with house(tmp_path, wallet=wallet) as shop:
        wallet.receive(token, reference=reference)  # what the wallet's own recovery does, minutes later
        assert await shop.bookkeeping.mend() == 1
        assert wallet.recoveries == 1
        assert wallet.inspect(await shop.desk.refund_token(token)).amount_sat == 49


async def test_what_finished_a_moment_ago_is_left_to_whoever_is_at_work_on_it(tmp_path: Path) -> None:
    wallet = FakeWallet(now_ms=lambda: 1_900_000_000_000)
    wallet.receive(wallet.issue(50), reference=references.deposit("token-abc", "abc"))
    async with house(tmp_path, wallet=wallet) as shop:
        assert await shop.bookkeeping.mend() == 0
        assert (await shop.bookkeeping.heal()).booked == 1


async def test_the_owners_movements_are_booked_as_the_owners_and_buyers_are_left_to_the_node(tmp_path: Path) -> None:
    wallet = FakeWallet()
    async with house(tmp_path, wallet=wallet) as shop:
        wallet.receive(wallet.issue(30), reference=references.owner("receive/x"))
        token = wallet.issue(20)
        wallet.receive(token, reference=references.deposit("token-abc", "abc"))
        assert await shop.bookkeeping.catch_up() == 1
        assert (await shop.bookkeeping.heal()).booked == 1
        assert (await shop.balance("token-abc")).whole_sat == 19
        wallet.send(10, wallet.inspect(token).mint, reference="ask/somewhere")
        assert await shop.bookkeeping.catch_up() == 1
        assert await shop.bookkeeping.disagreement() == {}


async def test_a_disagreement_is_told_by_mint_and_amount(tmp_path: Path) -> None:
    wallet = FakeWallet()
    async with house(tmp_path, wallet=wallet) as shop:
        wallet.receive(wallet.issue(30), reference=references.owner("receive/x"))
        (difference,) = (await shop.bookkeeping.disagreement()).values()
        assert difference.whole_sat == 29


async def test_nothing_is_owed_for_a_token_nobody_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as shop:
        with pytest.raises(KeyUnknown):
            await shop.desk.refund_token(shop.wallet.issue(5))
