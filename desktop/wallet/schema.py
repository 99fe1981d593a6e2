"""The tables of wallet.db, made by numbered migrations.

No table holds a secret of a coin of ours: secrets and blinding factors come from the seed and a counter. What does
hold bearer money is `operations.offered`, a token on its way in; it is emptied as soon as its fate is known.

States of a coin: `free` can be spent; `reserved` is an input of the operation in `operation_id`; `sent` left in the
token of that operation; `returned` left, and was taken back unredeemed. Coins known to be spent are not kept.
States of an operation: `running` under a session, `stalled` for anyone to take up, `done`, `failed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlite_utils import Database, Migrations

APPLICATION_ID: Final = 0x48574C54  # "HWLT"

_TABLES: Final = """
CREATE TABLE keysets (
    id TEXT PRIMARY KEY,
    mint TEXT NOT NULL,
    unit TEXT NOT NULL,
    active INTEGER NOT NULL,
    fee_ppk INTEGER NOT NULL,
    final_expiry INTEGER,
    keys TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    next_counter INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE spare_counters (
    keyset_id TEXT NOT NULL REFERENCES keysets(id),
    counter INTEGER NOT NULL,
    PRIMARY KEY (keyset_id, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE quotes (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    mint TEXT NOT NULL,
    amount_sat INTEGER NOT NULL,
    fee_reserve_sat INTEGER NOT NULL,
    invoice TEXT NOT NULL,
    expires_at_s INTEGER,
    at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE operations (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    session TEXT NOT NULL,
    mint TEXT NOT NULL,
    amount_sat INTEGER NOT NULL,
    face_sat INTEGER NOT NULL,
    fee_sat INTEGER NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    digest TEXT NOT NULL DEFAULT '',
    offered TEXT NOT NULL DEFAULT '',
    quote TEXT NOT NULL DEFAULT '',
    at_ms INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    UNIQUE (kind, reference)
) STRICT;
CREATE INDEX operations_by_digest ON operations (digest) WHERE digest != '';
CREATE INDEX operations_unsettled ON operations (state) WHERE state IN ('running', 'stalled');

CREATE TABLE outputs (
    keyset_id TEXT NOT NULL REFERENCES keysets(id),
    counter INTEGER NOT NULL,
    operation_id INTEGER NOT NULL REFERENCES operations(id),
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    leaves INTEGER NOT NULL,
    PRIMARY KEY (keyset_id, counter)
) STRICT, WITHOUT ROWID;
CREATE INDEX outputs_by_operation ON outputs (operation_id);

CREATE TABLE coins (
    keyset_id TEXT NOT NULL REFERENCES keysets(id),
    counter INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    signature BLOB NOT NULL,
    dleq_e BLOB NOT NULL,
    dleq_s BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('free', 'reserved', 'sent', 'returned')),
    operation_id INTEGER REFERENCES operations(id),
    sent_by INTEGER REFERENCES operations(id),
    PRIMARY KEY (keyset_id, counter)
) STRICT, WITHOUT ROWID;
CREATE INDEX coins_by_state ON coins (state, keyset_id);
CREATE INDEX coins_by_operation ON coins (operation_id) WHERE operation_id IS NOT NULL;
CREATE INDEX coins_by_token ON coins (sent_by) WHERE sent_by IS NOT NULL;
"""


def _create_tables(db: Database) -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


MIGRATIONS: Final[tuple[tuple[str, Callable[[Database], None]], ...]] = (("0001_tables", _create_tables),)
"""Numbered, applied once each, in this order. One that was ever released is never changed."""


def migrations() -> Migrations:
    """All migrations, as sqlite-utils runs them."""
    numbered = Migrations("wallet")
    for name, migrate in MIGRATIONS:
        numbered(name=name)(migrate)
    return numbered
