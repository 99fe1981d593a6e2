"""The tables of ledger.db, as numbered migrations.

Each migration runs in one transaction with the record of itself (`sqlite_utils.Migrations`). A migration that was
released is never edited: a change is a new number at the end.

Rules that must hold whatever the code above does are written here, as constraints and triggers: money rows are never
changed or removed, a transfer stays inside one book, a floored account never falls below zero, a finished job never
changes, uptime has neither holes nor overlaps. Balances and the quarter-hour totals are kept by triggers, so that no
writer can forget them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlite_utils import Database, Migrations

APPLICATION_ID: Final = 0x48525448  # "HRTH", so that another program's database is not taken for ours
MIGRATION_SET: Final = "hearth-ledger"

_BOOKS: Final = """
PRAGMA application_id = 0x48525448;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    book TEXT NOT NULL CHECK (book IN ('coins', 'claims')),
    floored INTEGER NOT NULL CHECK (floored IN (0, 1)),
    balance_msat INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    spent_msat INTEGER NOT NULL DEFAULT 0,
    CHECK (floored = 0 OR balance_msat >= 0)
) STRICT;

CREATE TRIGGER accounts_stay BEFORE DELETE ON accounts BEGIN
    SELECT RAISE(ABORT, 'accounts are never removed');
END;
CREATE TRIGGER accounts_keep_their_name BEFORE UPDATE OF id, name, book, floored ON accounts BEGIN
    SELECT RAISE(ABORT, 'accounts are never renamed');
END;

CREATE TABLE transfers (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    from_id INTEGER NOT NULL REFERENCES accounts (id),
    to_id INTEGER NOT NULL REFERENCES accounts (id),
    amount_msat INTEGER NOT NULL CHECK (amount_msat > 0),
    kind TEXT NOT NULL,
    reference TEXT NOT NULL CHECK (reference <> ''),
    UNIQUE (reference, kind),
    CHECK (from_id <> to_id)
) STRICT;

CREATE INDEX transfers_deposits ON transfers (to_id) WHERE kind = 'deposit';
CREATE INDEX transfers_reserving_payouts ON transfers (reference) WHERE kind = 'payout_reserve';

CREATE INDEX transfers_depositing ON transfers (to_id) WHERE kind = 'deposit';

CREATE TABLE rounding (
    quarter INTEGER PRIMARY KEY,
    rounded_msat INTEGER NOT NULL
) STRICT;

CREATE TRIGGER transfers_stay BEFORE DELETE ON transfers BEGIN
    SELECT RAISE(ABORT, 'transfers are never removed');
END;
CREATE TRIGGER transfers_never_change BEFORE UPDATE ON transfers BEGIN
    SELECT RAISE(ABORT, 'transfers are never changed');
END;
CREATE TRIGGER transfers_move_balances AFTER INSERT ON transfers BEGIN
    SELECT RAISE(ABORT, 'a transfer stays inside one book')
    WHERE (SELECT book FROM accounts WHERE id = NEW.from_id) IS NOT (SELECT book FROM accounts WHERE id = NEW.to_id);
    UPDATE accounts SET balance_msat = balance_msat - NEW.amount_msat WHERE id = NEW.from_id;
    UPDATE accounts SET balance_msat = balance_msat + NEW.amount_msat WHERE id = NEW.to_id;
END;
CREATE TRIGGER transfers_roll_up AFTER INSERT ON transfers WHEN NEW.kind = 'round_down' BEGIN
    INSERT INTO rounding (quarter, rounded_msat) VALUES (NEW.at_ms / 900000, NEW.amount_msat)
    ON CONFLICT (quarter) DO UPDATE SET rounded_msat = rounded_msat + excluded.rounded_msat;
END;

CREATE TABLE session_keys (
    key_hash TEXT PRIMARY KEY CHECK (key_hash <> ''),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    opened_at_ms INTEGER NOT NULL,
    closed_at_ms INTEGER
) STRICT, WITHOUT ROWID;
"""

_JOBS: Final = """
CREATE TABLE jobs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE CHECK (id <> ''),
    kind TEXT NOT NULL,
    model_id TEXT NOT NULL,
    payment TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    held_msat INTEGER NOT NULL CHECK (held_msat >= 0),
    state TEXT NOT NULL CHECK (state IN ('accepted', 'running', 'completed', 'cancelled', 'failed')),
    accepted_at_ms INTEGER NOT NULL CHECK (accepted_at_ms >= 0),
    started_at_ms INTEGER,
    first_token_at_ms INTEGER,
    finished_at_ms INTEGER CHECK (finished_at_ms >= 0),
    prompt_tokens INTEGER NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
    completion_tokens INTEGER NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
    charged_msat INTEGER NOT NULL DEFAULT 0 CHECK (charged_msat BETWEEN 0 AND held_msat),
    reason TEXT NOT NULL DEFAULT '',
    CHECK ((state IN ('accepted', 'running')) = (finished_at_ms IS NULL)),
    CHECK (charged_msat = 0 OR state IN ('completed', 'cancelled'))
) STRICT;

CREATE INDEX jobs_by_time ON jobs (accepted_at_ms);
CREATE INDEX jobs_by_outcome ON jobs (state, accepted_at_ms) WHERE finished_at_ms IS NOT NULL;
CREATE INDEX jobs_unfinished ON jobs (account_id) WHERE finished_at_ms IS NULL;

CREATE TABLE receipts (
    job_n INTEGER PRIMARY KEY REFERENCES jobs (n),
    body TEXT NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;

CREATE TABLE quarters (
    quarter INTEGER NOT NULL,
    model_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    charged_msat INTEGER NOT NULL,
    PRIMARY KEY (quarter, model_id, kind, outcome)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_stay BEFORE DELETE ON jobs BEGIN
    SELECT RAISE(ABORT, 'jobs are never removed');
END;
CREATE TRIGGER jobs_start_unfinished BEFORE INSERT ON jobs WHEN NEW.state <> 'accepted' BEGIN
    SELECT RAISE(ABORT, 'a job starts as accepted');
END;
CREATE TRIGGER jobs_end_once BEFORE UPDATE ON jobs WHEN OLD.finished_at_ms IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'a finished job never changes');
END;
CREATE TRIGGER jobs_keep_their_terms
BEFORE UPDATE OF n, id, kind, model_id, payment, account_id, held_msat, accepted_at_ms ON jobs BEGIN
    SELECT RAISE(ABORT, 'the terms of a job never change');
END;
CREATE TRIGGER jobs_roll_up AFTER UPDATE OF state ON jobs WHEN NEW.finished_at_ms IS NOT NULL BEGIN
    INSERT INTO quarters (quarter, model_id, kind, outcome, jobs, prompt_tokens, completion_tokens, charged_msat)
    VALUES (NEW.finished_at_ms / 900000, NEW.model_id, NEW.kind, NEW.state, 1,
            NEW.prompt_tokens, NEW.completion_tokens, NEW.charged_msat)
    ON CONFLICT (quarter, model_id, kind, outcome) DO UPDATE SET
        jobs = jobs + 1,
        prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        charged_msat = charged_msat + excluded.charged_msat;
    UPDATE accounts SET requests = requests + 1, spent_msat = spent_msat + NEW.charged_msat WHERE id = NEW.account_id;
END;
CREATE TRIGGER receipts_stay BEFORE DELETE ON receipts BEGIN
    SELECT RAISE(ABORT, 'receipts are never removed');
END;
CREATE TRIGGER receipts_never_change BEFORE UPDATE ON receipts BEGIN
    SELECT RAISE(ABORT, 'receipts are never changed');
END;
"""

_UPTIME: Final = """
CREATE TABLE intervals (
    start_ms INTEGER PRIMARY KEY CHECK (start_ms >= 0),
    end_ms INTEGER CHECK (end_ms > start_ms),
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX intervals_one_running ON intervals (end_ms IS NULL) WHERE end_ms IS NULL;

CREATE TRIGGER intervals_have_no_holes BEFORE INSERT ON intervals BEGIN
    SELECT RAISE(ABORT, 'an interval starts where the last one ended')
    WHERE EXISTS (SELECT 1 FROM intervals)
      AND NEW.start_ms IS NOT (SELECT end_ms FROM intervals ORDER BY start_ms DESC LIMIT 1);
END;
CREATE TRIGGER intervals_stay BEFORE DELETE ON intervals BEGIN
    SELECT RAISE(ABORT, 'intervals are never removed');
END;
CREATE TRIGGER intervals_end_once BEFORE UPDATE ON intervals
WHEN OLD.end_ms IS NOT NULL OR NEW.start_ms <> OLD.start_ms BEGIN
    SELECT RAISE(ABORT, 'an ended interval never changes');
END;

CREATE TABLE heartbeat (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at_ms INTEGER NOT NULL
) STRICT;
"""

_ENERGY: Final = """
CREATE TABLE meters (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL UNIQUE CHECK (device <> '')
) STRICT;

CREATE TABLE energy (
    quarter INTEGER NOT NULL,
    meter_id INTEGER NOT NULL REFERENCES meters (id),
    total_mj INTEGER NOT NULL CHECK (total_mj >= 0),
    work_mj INTEGER NOT NULL CHECK (work_mj >= 0),
    known_ms INTEGER NOT NULL CHECK (known_ms >= 0),
    unknown_ms INTEGER NOT NULL CHECK (unknown_ms >= 0),
    PRIMARY KEY (quarter, meter_id),
    CHECK (work_mj <= total_mj)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_energy (
    job_n INTEGER PRIMARY KEY REFERENCES jobs (n),
    meter_id INTEGER NOT NULL REFERENCES meters (id),
    work_mj INTEGER CHECK (work_mj >= 0)
) STRICT;

CREATE TABLE work (
    quarter INTEGER NOT NULL,
    model_id TEXT NOT NULL,
    meter_id INTEGER NOT NULL REFERENCES meters (id),
    jobs INTEGER NOT NULL,
    charged_msat INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    brought_msat INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    work_mj INTEGER NOT NULL,
    PRIMARY KEY (quarter, model_id, meter_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER energy_stays BEFORE DELETE ON energy BEGIN
    SELECT RAISE(ABORT, 'measured energy is never removed');
END;
CREATE TRIGGER energy_only_grows BEFORE UPDATE ON energy
WHEN NEW.quarter <> OLD.quarter OR NEW.meter_id <> OLD.meter_id OR NEW.total_mj < OLD.total_mj
  OR NEW.work_mj < OLD.work_mj OR NEW.known_ms < OLD.known_ms OR NEW.unknown_ms < OLD.unknown_ms BEGIN
    SELECT RAISE(ABORT, 'measured energy only grows');
END;
CREATE TRIGGER job_energy_stays BEFORE DELETE ON job_energy BEGIN
    SELECT RAISE(ABORT, 'the energy of a job is never removed');
END;
CREATE TRIGGER job_energy_never_changes BEFORE UPDATE ON job_energy BEGIN
    SELECT RAISE(ABORT, 'the energy of a job never changes');
END;
CREATE TRIGGER job_energy_of_ended_jobs BEFORE INSERT ON job_energy
WHEN (SELECT finished_at_ms FROM jobs WHERE n = NEW.job_n) IS NULL BEGIN
    SELECT RAISE(ABORT, 'the energy of a job is written after its end');
END;
CREATE TRIGGER job_energy_rolls_up AFTER INSERT ON job_energy BEGIN
    INSERT INTO work (quarter, model_id, meter_id, jobs, charged_msat, measured, brought_msat, prompt_tokens,
                      completion_tokens, work_mj)
    SELECT finished_at_ms / 900000, model_id, NEW.meter_id, 1, charged_msat,
           NEW.work_mj IS NOT NULL, iif(NEW.work_mj IS NULL, 0, charged_msat),
           iif(NEW.work_mj IS NULL, 0, prompt_tokens), iif(NEW.work_mj IS NULL, 0, completion_tokens),
           coalesce(NEW.work_mj, 0)
    FROM jobs WHERE n = NEW.job_n
    ON CONFLICT (quarter, model_id, meter_id) DO UPDATE SET
        jobs = jobs + 1,
        charged_msat = charged_msat + excluded.charged_msat,
        measured = measured + excluded.measured,
        brought_msat = brought_msat + excluded.brought_msat,
        prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        work_mj = work_mj + excluded.work_mj;
END;
"""

_BENCHMARKS: Final = """
CREATE TABLE benchmarks (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    device_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
    report TEXT NOT NULL,
    openings BLOB
) STRICT;

CREATE TRIGGER benchmarks_stay BEFORE DELETE ON benchmarks BEGIN
    SELECT RAISE(ABORT, 'benchmarks are never removed');
END;
CREATE TRIGGER benchmarks_never_change BEFORE UPDATE ON benchmarks
WHEN NEW.openings IS NOT NULL OR (NEW.n, NEW.at_ms, NEW.device_id, NEW.model_id, NEW.digest, NEW.report)
  <> (OLD.n, OLD.at_ms, OLD.device_id, OLD.model_id, OLD.digest, OLD.report) BEGIN
    SELECT RAISE(ABORT, 'benchmarks are never changed');
END;
"""


MIGRATIONS: Final[tuple[tuple[str, str], ...]] = (
    ("0001 books", _BOOKS),
    ("0002 jobs", _JOBS),
    ("0003 uptime", _UPTIME),
    ("0004 energy", _ENERGY),
    ("0005 benchmarks", _BENCHMARKS),
)


def migrations(numbered: tuple[tuple[str, str], ...] = MIGRATIONS) -> Migrations:
    """The given migrations, in order, ready to apply."""
    runner = Migrations(MIGRATION_SET)
    for name, sql in numbered:
        runner(name=name)(_script(sql))
    return runner


def _script(sql: str) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        db.executescript(sql)

    return apply
