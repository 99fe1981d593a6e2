"""Random interleavings of everything that moves money, against a plain model of who owns what."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from desktop.domain.errors import PaymentRequired
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report

BUYERS = st.sampled_from(["a", "b"])
MINTS = st.sampled_from(["https://one", "https://two"])
SATS = st.integers(min_value=1, max_value=40)
MSATS = st.integers(min_value=0, max_value=30_000)
FEES = st.integers(min_value=0, max_value=2)


class Books(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = Ledger.open(self.folder / "ledger.db")
        self.report = Report.open(self.folder / "ledger.db")
        self.now_ms = 1_000_000
        self.buyers: Counter[str] = Counter()
        self.wallets: Counter[str] = Counter()
        self.earned = self.owner = self.costs = 0
        self.fees: Counter[str] = Counter()
        self.running: dict[str, tuple[str, int]] = {}
        self.reserved: dict[str, tuple[str, int]] = {}
        self.done: list[Callable[[Ledger], bool]] = []
        self.count = 0

    def teardown(self) -> None:
        self.report.close()
        self.ledger.close()
        shutil.rmtree(self.folder)

    def _reference(self) -> str:
        self.count += 1
        self.now_ms += 1000
        return f"ref-{self.count}"

    def _do(self, act: Callable[[Ledger], bool]) -> None:
        assert act(self.ledger) is True
        self.done.append(act)

    @rule(buyer=BUYERS, mint=MINTS, net=SATS, fee=FEES)
    def deposit(self, buyer: str, mint: str, net: int, fee: int) -> None:
        reference, gross, at_ms = self._reference(), Money.from_sat(net + fee), self.now_ms
        self._do(lambda ledger: ledger.deposit(buyer, mint, gross, Money.from_sat(fee), reference, at_ms))
        self.buyers[buyer] += net * 1000
        self.wallets[mint] += net * 1000
        self.fees[mint] += fee * 1000

    @rule(mint=MINTS, net=SATS, fee=FEES)
    def owner_puts_in(self, mint: str, net: int, fee: int) -> None:
        reference, gross, at_ms = self._reference(), Money.from_sat(net + fee), self.now_ms
        self._do(lambda ledger: ledger.owner_deposit(mint, gross, Money.from_sat(fee), reference, at_ms))
        self.wallets[mint] += net * 1000
        self.owner += gross.msat
        self.costs -= fee * 1000
        self.fees[mint] += fee * 1000

    @rule(mint=MINTS, sat=SATS, fee=FEES)
    def owner_takes_out(self, mint: str, sat: int, fee: int) -> None:
        if self.wallets[mint] < (sat + fee) * 1000:
            return
        reference, at_ms = self._reference(), self.now_ms
        out, cost = Money.from_sat(sat), Money.from_sat(fee)
        self._do(lambda ledger: ledger.owner_withdrawal(mint, out, cost, reference, at_ms))
        self._leave(mint, sat * 1000, fee * 1000)
        self.owner -= sat * 1000

    @rule(buyer=BUYERS, held=MSATS)
    def accept(self, buyer: str, held: int) -> None:
        reference = self._reference()
        job = Job(reference, JobKind.CHAT, "m", Payment.SESSION, buyer, Money(held), JobState.ACCEPTED, self.now_ms)
        if held > self.buyers[buyer]:
            with pytest.raises(PaymentRequired) as refusal:
                self.ledger.accept_job(job)
            assert (refusal.value.required_msat, refusal.value.offered_msat) == (held, self.buyers[buyer])
            assert self.ledger.job(reference) is None
            return
        self._do(lambda ledger: ledger.accept_job(job))
        self.buyers[buyer] -= held
        self.running[reference] = (buyer, held)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), state=st.sampled_from([JobState.COMPLETED, JobState.CANCELLED, JobState.FAILED]))
    def finish(self, data: st.DataObject, state: JobState) -> None:
        reference = data.draw(st.sampled_from(sorted(self.running)))
        buyer, held = self.running.pop(reference)
        charged = 0 if state is JobState.FAILED else data.draw(st.integers(min_value=0, max_value=held))
        ending = Ending(state, self.now_ms, Usage(1, 2), Money(charged), started_at_ms=self.now_ms)
        self._do(lambda ledger: ledger.finish_job(reference, ending))
        self.earned += charged
        self.buyers[buyer] += held - charged

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def overcharge(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(sorted(self.running)))
        charged = Money(self.running[reference][1] + 1)
        with pytest.raises(ValueError, match="up to what was held"):
            self.ledger.finish_job(
                reference, Ending(JobState.COMPLETED, self.now_ms, charged=charged, started_at_ms=self.now_ms)
            )

    @rule(buyer=BUYERS)
    def reserve_everything(self, buyer: str) -> None:
        reference = self._reference()
        whole = self.buyers[buyer] // 1000 * 1000
        assert self.ledger.reserve_payout(buyer, reference, self.now_ms) == Money(whole)
        assert self.ledger.reserve_payout(buyer, reference, self.now_ms) == Money(whole)
        if whole:
            self.buyers[buyer] -= whole
            self.reserved[reference] = (buyer, whole)

    @precondition(lambda self: self.reserved)
    @rule(data=st.data(), mint=MINTS, fee=FEES)
    def pay_reserved(self, data: st.DataObject, mint: str, fee: int) -> None:
        reference = data.draw(st.sampled_from(sorted(self.reserved)))
        buyer, msat = self.reserved[reference]
        if self.wallets[mint] < msat + fee * 1000:
            return
        del self.reserved[reference]
        at_ms = self.now_ms
        cost = Money.from_sat(fee)
        self._do(lambda ledger: ledger.payout_to_buyer(buyer, mint, Money(msat), cost, reference, at_ms))
        self._leave(mint, msat, fee * 1000)

    @rule(buyer=BUYERS, mint=MINTS, sat=SATS, fee=FEES)
    def pay_at_once(self, buyer: str, mint: str, sat: int, fee: int) -> None:
        if self.wallets[mint] < (sat + fee) * 1000:
            return
        reference, at_ms = self._reference(), self.now_ms
        out, cost = Money.from_sat(sat), Money.from_sat(fee)
        if sat * 1000 > self.buyers[buyer]:
            with pytest.raises(PaymentRequired):
                self.ledger.payout_to_buyer(buyer, mint, out, cost, reference, at_ms)
            return
        self._do(lambda ledger: ledger.payout_to_buyer(buyer, mint, out, cost, reference, at_ms))
        self.buyers[buyer] -= sat * 1000
        self._leave(mint, sat * 1000, fee * 1000)

    @rule(buyer=BUYERS)
    def round_down(self, buyer: str) -> None:
        reference = self._reference()
        rest = self.buyers[buyer] % 1000
        assert self.ledger.round_down(buyer, reference, self.now_ms) == Money(rest)
        if rest:  # with nothing to round nothing is written, and the reference stays free
            assert self.ledger.round_down(buyer, reference, self.now_ms) == Money()
        self.buyers[buyer] -= rest
        self.earned += rest

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        repeated = data.draw(st.sampled_from(self.done))
        assert repeated(self.ledger) is False

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.folder / "ledger.db")

    def _leave(self, mint: str, msat: int, fee: int) -> None:
        self.wallets[mint] -= msat + fee
        self.fees[mint] += fee
        self.costs -= fee

    @invariant()
    def the_model_agrees(self) -> None:
        funds = self.report.funds()
        assert {mint: money.msat for mint, money in funds.wallets.items()} == self.wallets
        assert {mint: money.msat for mint, money in funds.fees.items() if money} == +self.fees
        held = sum(msat for _, msat in [*self.running.values(), *self.reserved.values()])
        assert funds.held == Money(held)
        assert funds.owed == Money(self.buyers.total())
        assert (funds.earned.msat, funds.owner.msat, funds.costs.msat) == (self.earned, self.owner, self.costs)
        assert self.wallets.total() == funds.spendable.msat + funds.owed.msat + funds.held.msat
        for buyer in ("a", "b"):
            reserved = sum(msat for whose, msat in self.running.values() if whose == buyer)
            assert self.ledger.balance(buyer) == Money(self.buyers[buyer])
            assert self.ledger.reserved(buyer) == Money(reserved)
        assert {job.id for job in self.ledger.unfinished_jobs()} == set(self.running)
        assert {each.reference for each in self.ledger.reserved_payouts()} == set(self.reserved)

    @invariant()
    def the_ledger_agrees_with_itself(self) -> None:
        assert self.report.verify() == []


Books.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestBooks = Books.TestCase
