"""What the demo came to: the money, added up from both sides and compared with the mint."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from desktop.commands.console import Console, clock, sats
from desktop.commands.demo.scenario import Story
from desktop.commands.demo.stage import Stage
from desktop.commands.money import book_owner_movements
from desktop.compose import Composition
from desktop.wallet.operation import Operation, OperationKind, OperationState
from desktop.wallet.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last line, and whether all of it is as it should be."""

    document: dict[str, object]
    good: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One party's money in sats, at the end."""

    balance: int
    fees: int
    operations: list[Operation]
    agrees: bool

    def total(self, kind: OperationKind) -> int:
        """What all finished operations of a kind moved, at face value or net as the kind is told."""
        return sum(each.amount_sat for each in self.operations if each.kind is kind)


async def conclude(stage: Stage, story: Story, funded_sat: int, console: Console) -> Outcome:
    """Add everything up and tell it. The node must have ended."""
    identity, _ = await asyncio.to_thread(stage.node_home.identity)
    with stage.node_home.wallet(identity) as node_wallet:
        node = await take_stock(stage.node_home, node_wallet)
    buyer = await take_stock(stage.buyer_home, stage.wallet)
    with stage.node_home.report() as report:
        funds = report.funds()
        jobs = report.jobs(limit=50).jobs
        clean = not report.verify()
    fees = node.fees + buyer.fees
    adds_up = funded_sat == node.balance + buyer.balance + fees
    ledger_ok = clean and node.agrees and buyer.agrees
    story.expect(true=adds_up, else_say=f"{funded_sat} sat were minted, {node.balance + buyer.balance + fees} found.")
    story.expect(true=ledger_ok, else_say="Ledger, wallets and mint do not agree.")
    story.expect(true=story.jobs == len(jobs), else_say=f"The ledger has {len(jobs)} jobs, the buyer {story.jobs}.")
    console.say()
    console.say("What the node's ledger says:")
    console.table(
        ("accepted", "model", "paid by", "outcome", "tokens", "charged (sat)"),
        [
            (
                clock(job.accepted_at_ms)[11:],
                job.model_id,
                job.payment.value,
                job.state.value,
                f"{job.usage.total_tokens:,}",
                sats(job.charged),
            )
            for job in reversed(jobs)
        ],
    )
    console.say()
    console.say(f"  Earned {funds.earned}; fees of its own {-funds.costs}; to spend {funds.spendable}.")
    console.say(
        f"  {funded_sat:,} sat minted = {node.balance:,} with the node + {buyer.balance:,} with the buyer "
        f"+ {fees:,} to the mint{'' if adds_up else ': THIS DOES NOT ADD UP'}."
    )
    for complaint in story.complaints:
        console.say(f"  WRONG: {complaint}")
    console.say()
    document: dict[str, object] = {
        "jobs": len(jobs),
        "paid_sat": node.total(OperationKind.RECEIVE),
        "refunded_sat": node.total(OperationKind.SEND),
        "node_balance_sat": node.balance,
        "buyer_balance_sat": buyer.balance,
        "mint_fees_sat": fees,
        "tokens": sum(job.usage.completion_tokens for job in jobs),
        "sandbox_mode": stage.node.sandbox_mode,
        "relays": len(stage.node.relays),
        "ledger_ok": ledger_ok,
    }
    return Outcome(document, good=not story.complaints)


async def take_stock(home: Composition, wallet: Wallet) -> Side:
    """Finish what was left undone, book it, and count. No node may run in that home."""
    await asyncio.to_thread(wallet.recover)
    await book_owner_movements(home, wallet)
    operations = [each for each in wallet.operations() if each.state is OperationState.DONE]
    async with home.books() as books:
        differences = await home.bookkeeping(wallet, books).disagreement()
    checks = await asyncio.to_thread(wallet.check)
    return Side(
        balance=sum(wallet.balance().values()),
        fees=sum(each.fee_sat for each in operations),
        operations=operations,
        agrees=not differences and all(check.agrees for check in checks),
    )
