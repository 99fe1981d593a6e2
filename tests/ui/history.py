"""A real ledger with a history in it: written through the ledger's own tables and triggers, many to a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from desktop.domain.job import JobKind, JobState
from desktop.domain.money import Money
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.receipt import Receipt
from desktop.ledger import books
from desktop.ledger.books import Kind, Movement
from desktop.ledger.storage import Storage
from desktop.proof.receipts import Signer

DAY_MS: Final = 86_400_000
HELD_MSAT: Final = 40_000
BATCH: Final = 20_000
MINT: Final = "https://mint.example"
SIGNED: Final = 40
MODELS: Final = (("smollm2-135m-instruct", JobKind.CHAT), ("all-minilm-l6-v2", JobKind.EMBEDDING))
SIGNER: Final = Signer(bytes(range(1, 33)))
HOURS: Final = (
    (7, NodeState.EARNING, Reason.SERVING),
    (2, NodeState.READY, Reason.WAITING_FOR_REQUESTS),
    (5, NodeState.EARNING, Reason.SERVING),
    (3, NodeState.PAUSED, Reason.PAUSED_BY_OWNER),
    (1, NodeState.OFFLINE, Reason.NO_RELAY),
    (6, NodeState.EARNING, Reason.SERVING),
)


@dataclass(frozen=True, slots=True)
class Past:
    """One job that was."""

    n: int
    at_ms: int
    kind: JobKind
    model_id: str
    state: JobState
    charged_msat: int
    prompt: int
    completion: int

    @property
    def id(self) -> str:
        return f"{self.n:08x}{self.n * 2654435761 % 2**96:024x}"


def write_history(path: Path, *, jobs: int, days: int, now_ms: int) -> None:
    """Fill a new ledger with so many jobs over so many days, the last one a minute ago."""
    storage = Storage.open_to_write(path)
    batch: list[Past] = []
    newest: list[Past] = []
    for past in _pasts(jobs, days, now_ms):
        batch.append(past)
        newest = [*newest[1 - SIGNED :], past]
        if len(batch) == BATCH:
            _write(storage, batch)
            batch = []
    if batch:
        _write(storage, batch)
    _sign(storage, newest)
    _write_uptime(storage, days, now_ms)
    storage.close()


def _pasts(jobs: int, days: int, now_ms: int) -> Iterator[Past]:
    chance = Random(7)
    start, length = now_ms - days * DAY_MS, days * DAY_MS - 60_000
    moments = sorted(start + int(length * chance.random() ** 0.9) for _ in range(jobs - 1))
    for n, at_ms in enumerate([*moments, start + length], 1):
        model_id, kind = MODELS[n % 9 == 0]
        state = JobState.FAILED if n % 61 == 0 else JobState.CANCELLED if n % 37 == 0 else JobState.COMPLETED
        completion = 0 if kind is JobKind.EMBEDDING else chance.randint(20, 400)
        charged = 0 if state is JobState.FAILED else 500 + completion * 45 + chance.randint(0, 4000)
        yield Past(n, at_ms, kind, model_id, state, min(charged, HELD_MSAT), chance.randint(20, 900), completion)


def _write(storage: Storage, batch: list[Past]) -> None:
    with storage.write() as db:
        gross = Money(HELD_MSAT * len(batch))
        books.post(
            db,
            (
                Movement(Kind.DEPOSIT, books.FUNDS, books.buyer("buyer"), gross),
                Movement(Kind.DEPOSIT_COINS, books.outside(MINT), books.wallet(MINT), gross),
            ),
            reference=f"deposit-{batch[0].n}",
            at_ms=batch[0].at_ms,
        )
        buyer, held, earned = (books.ensure(db, each) for each in (books.buyer("buyer"), books.HELD_JOBS, books.EARNED))
        write = db.conn.executemany
        write(
            "INSERT INTO jobs (n, id, kind, model_id, payment, account_id, held_msat, state, accepted_at_ms)"
            " VALUES (?, ?, ?, ?, 'token', ?, ?, 'accepted', ?)",
            ((p.n, p.id, p.kind.value, p.model_id, buyer, HELD_MSAT, p.at_ms) for p in batch),
        )
        transfer = (
            "INSERT INTO transfers (at_ms, from_id, to_id, amount_msat, kind, reference) VALUES (?, ?, ?, ?, ?, ?)"
        )
        write(transfer, ((p.at_ms, buyer, held, HELD_MSAT, "hold", p.id) for p in batch))
        write(
            "UPDATE jobs SET state = ?, started_at_ms = ?, first_token_at_ms = ?, finished_at_ms = ?,"
            " prompt_tokens = ?, completion_tokens = ?, charged_msat = ?, reason = ? WHERE n = ?",
            (
                (
                    p.state.value,
                    p.at_ms + 40,
                    p.at_ms + 180,
                    p.at_ms + 200 + p.completion * 18,
                    p.prompt,
                    p.completion,
                    p.charged_msat,
                    "The worker ended." if p.state is JobState.FAILED else "stop",
                    p.n,
                )
                for p in batch
            ),
        )
        write(transfer, ((p.at_ms, held, earned, p.charged_msat, "charge", p.id) for p in batch if p.charged_msat))
        write(
            transfer,
            (
                (p.at_ms, held, buyer, HELD_MSAT - p.charged_msat, "release", p.id)
                for p in batch
                if p.charged_msat < HELD_MSAT
            ),
        )


def _sign(storage: Storage, batch: list[Past]) -> None:
    with storage.write() as db:
        for past in batch:
            receipt = Receipt(
                job_id=past.id,
                node=SIGNER.public_key,
                model_id=past.model_id,
                model_digest="cd" * 32,
                prompt_tokens=past.prompt,
                completion_tokens=past.completion,
                charged_msat=past.charged_msat,
                accepted_at_ms=past.at_ms,
                finished_at_ms=past.at_ms + 200 + past.completion * 18,
                outcome=past.state.value,
            )
            signed = SIGNER.sign(receipt)
            db.execute(
                "INSERT INTO receipts (job_n, body, signature) VALUES (?, ?, ?)",
                (past.n, receipt.canonical().decode(), bytes.fromhex(signed.signature)),
            )


def _write_uptime(storage: Storage, days: int, now_ms: int) -> None:
    rows: list[tuple[int, int | None, str, str]] = []
    at_ms = now_ms - days * DAY_MS
    while at_ms < now_ms:
        for hours, state, reason in HOURS:
            end = at_ms + hours * 3_600_000
            if at_ms < now_ms:
                rows.append((at_ms, end if end < now_ms else None, state.value, reason.value))
            at_ms = end
    with storage.write() as db:
        db.conn.executemany(
            "INSERT INTO intervals (start_ms, end_ms, state, reason, detail) VALUES (?, ?, ?, ?, '')", rows
        )
        db.execute("INSERT INTO heartbeat (only, at_ms) VALUES (1, ?)", (now_ms,))
