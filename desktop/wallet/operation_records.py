"""Operations and their outputs in wallet.db. Every function runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from desktop.wallet.keyset_records import give_back_counter, take_counters
from desktop.wallet.operation import Operation, OperationKind, OperationState, Output, Sums

_COLUMNS = (
    "id, session, digest, offered, quote, kind, reference, state, mint, amount_sat, face_sat, fee_sat, failure,"
    " at_ms, changed_at_ms"
)


class AlreadyBegun(Exception):
    """Someone else has begun that operation since we looked."""


@dataclass(frozen=True, slots=True)
class Record:
    """An operation as it is kept. `offered` is a token on its way in, and as secret as money."""

    id: int
    session: str
    digest: str
    offered: str
    quote: str
    operation: Operation

    def __repr__(self) -> str:
        return f"Record({self.operation!r})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation will do, before it is written down."""

    kind: OperationKind
    reference: str
    mint: str
    amount_sat: int
    face_sat: int
    fee_sat: int
    digest: str = ""
    offered: str = ""
    quote: str = ""

    def __repr__(self) -> str:
        return f"Plan({self.kind} {self.amount_sat} sat)"


def find(db: Database, kind: OperationKind, reference: str) -> Record | None:
    """The operation of that kind with that reference."""
    found = _select(db, "kind = ? AND reference = ?", [kind, reference])
    return found[0] if found else None


def find_receive(db: Database, digest: str) -> Record | None:
    """The receipt of the same coins under whatever reference, unless it failed."""
    found = _select(db, "digest = ? AND kind = 'receive' AND state != 'failed'", [digest])
    return found[0] if found else None


def get(db: Database, operation_id: int) -> Record:
    """The operation with that number, which must exist."""
    return _select(db, "id = ?", [operation_id])[0]


def unsettled(db: Database) -> list[Record]:
    """Everything that may still go either way, oldest first."""
    return _select(db, "state IN ('running', 'stalled')", [])


def holding_coins(db: Database, mint: str) -> list[str]:
    """The sessions whose operations hold coins of ours at that mint just now."""
    rows = db.execute(
        "SELECT DISTINCT session FROM operations WHERE state = 'running' AND mint = ? AND id IN"
        " (SELECT operation_id FROM coins WHERE state = 'reserved')",
        [mint],
    ).fetchall()
    return [session for (session,) in rows]


def listed(db: Database, *, since_ms: int, reference: str | None) -> list[Record]:
    """Operations changed since then, oldest first; only those with that reference, if one is given."""
    if reference is None:
        return _select(db, "changed_at_ms >= ?", [since_ms])
    return _select(db, "changed_at_ms >= ? AND reference = ?", [since_ms, reference])


def begin(db: Database, plan: Plan, session: str, now_ms: int) -> int:
    """Write an operation down as running, in place of a failed one with the same reference. Returns its number.

    Raises AlreadyBegun if there is one that did not fail.
    """
    before = find(db, plan.kind, plan.reference)
    if before is not None and before.operation.state is not OperationState.FAILED:
        raise AlreadyBegun
    if before is not None:
        db.execute("DELETE FROM operations WHERE id = ?", [before.id])
    values = [plan.mint, plan.amount_sat, plan.face_sat, plan.fee_sat, plan.digest, plan.offered, plan.quote]
    cursor = db.execute(
        "INSERT INTO operations (kind, reference, state, session, mint, amount_sat, face_sat, fee_sat, digest,"
        " offered, quote, at_ms, changed_at_ms) VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [plan.kind, plan.reference, session, *values, now_ms, now_ms],
    )
    if cursor.lastrowid is None:
        raise AssertionError("an insertion always has a row")
    return cursor.lastrowid


def claim(db: Database, record: Record, session: str, now_ms: int) -> None:
    """Take an operation up that nobody works on."""
    db.execute(
        "UPDATE operations SET state = 'running', session = ?, changed_at_ms = ? WHERE id = ?",
        [session, now_ms, record.id],
    )


def adopt(db: Database, record: Record, reference: str) -> None:
    """Give an operation another reference: who asks again with the same token is the one to be told."""
    db.execute("DELETE FROM operations WHERE kind = ? AND reference = ?", [record.operation.kind, reference])
    db.execute("UPDATE operations SET reference = ? WHERE id = ?", [reference, record.id])


def stall(db: Database, operation_id: int, now_ms: int) -> None:
    """Leave a running operation for later, by anyone."""
    db.execute(
        "UPDATE operations SET state = 'stalled', changed_at_ms = ? WHERE id = ? AND state = 'running'",
        [now_ms, operation_id],
    )


def finish(db: Database, operation_id: int, sums: Sums, now_ms: int) -> None:
    """Close an operation that succeeded, forgetting its outputs and the token that came in."""
    db.execute("DELETE FROM outputs WHERE operation_id = ?", [operation_id])
    db.execute(
        "UPDATE operations SET state = 'done', failure = '', offered = '', amount_sat = ?, face_sat = ?, fee_sat = ?,"
        " changed_at_ms = ? WHERE id = ?",
        [sums.amount_sat, sums.face_sat, sums.fee_sat, now_ms, operation_id],
    )


def fail(db: Database, operation_id: int, failure: str, *, unsigned: bool, now_ms: int) -> None:
    """Close an operation that came to nothing. `unsigned`: its outputs are sure never to be signed, so reuse them."""
    if unsigned:
        rows = db.execute("SELECT keyset_id, counter FROM outputs WHERE operation_id = ?", [operation_id]).fetchall()
        for keyset_id, counter in rows:
            give_back_counter(db, keyset_id, counter)
    db.execute("DELETE FROM outputs WHERE operation_id = ?", [operation_id])
    db.execute(
        "UPDATE operations SET state = 'failed', failure = ?, offered = '', changed_at_ms = ? WHERE id = ?",
        [failure, now_ms, operation_id],
    )


def add_outputs(
    db: Database, operation_id: int, keyset_id: str, *, stays: Sequence[int], leaves: Sequence[int] = ()
) -> None:
    """Give an operation its next set of outputs, smallest first so that the mint cannot tell what leaves (NUT-03)."""
    ((attempt,),) = db.execute(
        "SELECT coalesce(max(attempt), 0) + 1 FROM outputs WHERE operation_id = ?", [operation_id]
    ).fetchall()
    wanted = sorted([(amount, False) for amount in stays] + [(amount, True) for amount in leaves])
    counters = take_counters(db, keyset_id, len(wanted))
    for position, ((amount, leaving), counter) in enumerate(zip(wanted, counters, strict=True)):
        db.execute(
            "INSERT INTO outputs (keyset_id, counter, operation_id, attempt, position, amount, leaves)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [keyset_id, counter, operation_id, attempt, position, amount, leaving],
        )


def attempts_of(db: Database, operation_id: int) -> tuple[tuple[Output, ...], ...]:
    """The sets of outputs of an operation, newest first, each in the order the mint was asked."""
    rows = db.execute(
        "SELECT attempt, keyset_id, counter, amount, leaves FROM outputs WHERE operation_id = ?"
        " ORDER BY attempt DESC, position",
        [operation_id],
    ).fetchall()
    sets: dict[int, list[Output]] = {}
    for attempt, keyset_id, counter, amount, leaves in rows:
        sets.setdefault(attempt, []).append(Output(keyset_id, counter, amount, bool(leaves)))
    return tuple(tuple(outputs) for outputs in sets.values())


def _select(db: Database, where: str, values: list[object]) -> list[Record]:
    query = f"SELECT {_COLUMNS} FROM operations WHERE {where} ORDER BY id"  # noqa: S608 - constants of this module
    return [
        Record(
            id=number,
            session=session,
            digest=digest,
            offered=offered,
            quote=quote,
            operation=Operation(OperationKind(kind), reference, OperationState(state), *rest),
        )
        for number, session, digest, offered, quote, kind, reference, state, *rest in db.execute(query, values)
    ]
