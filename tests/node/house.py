"""A node's counter with a real ledger, a fake wallet and a fake worker."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from desktop.domain.inference import Message, Sampling
from desktop.domain.job import JobKind
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.pricing import Price
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.network.api.desk import NodeInfo, Order
from desktop.node.admission import Admission
from desktop.node.bookkeeping import Bookkeeping
from desktop.node.books import Books
from desktop.node.cashier import Cashier
from desktop.node.desk import NodeDesk, Situation
from desktop.node.policy.decision import Decision
from desktop.proof.receipts import Signer
from tests.fakes.computer import OneWorker
from tests.fakes.wallet import MINT, FakeWallet
from tests.fakes.worker import FakeWorker

PRICE = Price(prompt_msat_per_million=10_000_000, completion_msat_per_million=50_000_000, request_msat=1000)
OFFERS = (
    Offer(Model("tiny", "Tiny", ModelKind.CHAT, 1000, 2048, 1024, "float32", "Apache-2.0", "00" * 32), PRICE),
    Offer(Model("vectors", "Vectors", ModelKind.EMBEDDING, 1000, 256, 0, "float32", "Apache-2.0", "01" * 32), PRICE),
)
READY = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)


@dataclass
class House:
    """What a test needs to reach for."""

    wallet: FakeWallet
    worker: FakeWorker
    books: Books
    cashier: Cashier
    desk: NodeDesk
    bookkeeping: Bookkeeping
    ledger_path: Path
    decision: Decision = READY

    async def balance(self, account: str) -> Money:
        return await self.books.run(lambda ledger: ledger.balance(account))

    def findings(self) -> list[object]:
        """Everything the ledger's own check complains about."""
        report = Report.open(self.ledger_path)
        try:
            return list(report.verify())
        finally:
            report.close()


@asynccontextmanager
async def house(
    folder: Path, *, worker: FakeWorker | None = None, wallet: FakeWallet | None = None, slots: int = 4, queue: int = 4
) -> AsyncIterator[House]:
    """A counter that is open."""
    wallet = wallet or FakeWallet()
    worker = worker or FakeWorker()
    ids, clock = itertools.count(1), itertools.count(1_900_000_000_000)
    ledger_path = folder / "ledger.db"
    books = Books(Ledger.open(ledger_path))
    cashier = Cashier(wallet, books, b"k" * 32, lambda: next(clock))
    info = NodeInfo("n", "", "0", "npub", "id", (MINT,), ())
    made: list[House] = []
    seats = OneWorker(worker, slots=slots)
    desk = NodeDesk(
        OFFERS,
        situation=Situation(lambda: made[0].decision, seats, lambda: info),
        admission=Admission(slots=lambda: seats.slots, queue=queue),
        cashier=cashier,
        books=books,
        signer=Signer(b"\x01" * 32),
        new_id=lambda: f"job-{next(ids)}",
        now_ms=lambda: next(clock),
        busy_changed=lambda: None,
    )
    bookkeeping = Bookkeeping(wallet, books, lambda: next(clock))
    made.append(House(wallet, worker, books, cashier, desk, bookkeeping, ledger_path))
    try:
        yield made[0]
    finally:
        await cashier.close()
        await books.close()


def chat(text: str = "Hi", max_tokens: int = 9, model: str = "tiny") -> Order:
    """A question that may cost at most a few sats."""
    return Order(JobKind.CHAT, model, sampling=Sampling(max_tokens=max_tokens), messages=(Message("user", text),))
