"""Whether the ledger agrees with itself: every number that is kept twice is worked out again.

Not covered: the wallet's proofs and the mint's view of them (the node compares those with `Report.funds`), and the
signatures of receipts (`desktop.proof.receipts.verify`). Reads every row; a million jobs take seconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.ledger.books import Kind

MOST_FINDINGS: Final = 20  # per rule: one cause often has a thousand symptoms


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule of the books, and where it does not hold."""

    rule: str
    what: str


# Each query returns the rows that break its rule: nothing, in a clean ledger.
_RULES: Final[tuple[tuple[str, str], ...]] = (
    (
        "a balance is the sum of its transfers",
        """
        SELECT name || ' holds ' || balance_msat || ' msat, its transfers say ' || coalesce(moved, 0)
        FROM accounts LEFT JOIN (
            SELECT account, sum(msat) AS moved FROM (
                SELECT to_id AS account, amount_msat AS msat FROM transfers
                UNION ALL SELECT from_id, -amount_msat FROM transfers
            ) GROUP BY account
        ) ON account = accounts.id
        WHERE balance_msat <> coalesce(moved, 0)
        """,
    ),
    (
        "each book sums to zero",
        """
        SELECT book || ' sum to ' || sum(balance_msat) || ' msat' FROM accounts
        GROUP BY book HAVING sum(balance_msat) <> 0
        """,
    ),
    (
        "our coins are worth what is claimed of them",
        """
        SELECT 'wallets hold ' || coins || ' msat, claims are ' || claims FROM (
            SELECT coalesce(sum(balance_msat) FILTER (WHERE name LIKE 'wallet:%'), 0) AS coins,
                   -coalesce(sum(balance_msat) FILTER (WHERE name = 'funds'), 0) AS claims
            FROM accounts
        ) WHERE coins <> claims
        """,
    ),
    (
        "no wallet, buyer or hold is below zero",
        """
        SELECT name || ' is at ' || balance_msat || ' msat' FROM accounts
        WHERE balance_msat < 0 AND (floored = 1 OR name LIKE 'wallet:%')
        """,
    ),
    (
        "what is held is held for unfinished jobs",
        """
        SELECT 'held are ' || held || ' msat, unfinished jobs need ' || needed FROM (
            SELECT coalesce((SELECT balance_msat FROM accounts WHERE name = 'held:jobs'), 0) AS held,
                   (SELECT coalesce(sum(held_msat), 0) FROM jobs WHERE finished_at_ms IS NULL) AS needed
        ) WHERE held <> needed
        """,
    ),
    (
        "a job's transfers are what its row says",
        """
        SELECT jobs.id || ' held ' || held_msat || ', charged ' || charged_msat || ' msat' FROM jobs
        LEFT JOIN transfers AS hold ON hold.reference = jobs.id AND hold.kind = 'hold'
        LEFT JOIN transfers AS charge ON charge.reference = jobs.id AND charge.kind = 'charge'
        LEFT JOIN transfers AS release ON release.reference = jobs.id AND release.kind = 'release'
        WHERE held_msat <> coalesce(hold.amount_msat, 0) OR charged_msat <> coalesce(charge.amount_msat, 0)
           OR coalesce(release.amount_msat, 0) <> iif(finished_at_ms IS NULL, 0, held_msat - charged_msat)
        """,
    ),
    (
        "a buyer's summary counts the buyer's jobs",
        """
        SELECT name || ' counts ' || requests || ' jobs' FROM accounts LEFT JOIN (
            SELECT account_id, count(*) AS ended, sum(charged_msat) AS cost FROM jobs
            WHERE finished_at_ms IS NOT NULL GROUP BY account_id
        ) ON account_id = accounts.id
        WHERE requests <> coalesce(ended, 0) OR spent_msat <> coalesce(cost, 0)
        """,
    ),
    (
        "the totals per quarter count the jobs",
        """
        SELECT 'quarter ' || quarter || ' of ' || model_id || ' ' || kind || ' ' || outcome FROM (
            SELECT quarter, model_id, kind, outcome, jobs, prompt_tokens, completion_tokens, charged_msat FROM quarters
            UNION ALL
            SELECT finished_at_ms / 900000, model_id, kind, state, -count(*), -sum(prompt_tokens),
                   -sum(completion_tokens), -sum(charged_msat)
            FROM jobs WHERE finished_at_ms IS NOT NULL GROUP BY 1, 2, 3, 4
        ) GROUP BY quarter, model_id, kind, outcome
        HAVING sum(jobs) <> 0 OR sum(prompt_tokens) <> 0 OR sum(completion_tokens) <> 0 OR sum(charged_msat) <> 0
        """,
    ),
    (
        "the rounding per quarter is what was rounded",
        """
        SELECT 'quarter ' || quarter FROM (
            SELECT quarter, rounded_msat FROM rounding
            UNION ALL SELECT at_ms / 900000, -amount_msat FROM transfers WHERE kind = 'round_down'
        ) GROUP BY quarter HAVING sum(rounded_msat) <> 0
        """,
    ),
    (
        "the work per quarter is that of the jobs",
        """
        SELECT 'quarter ' || quarter || ' of ' || model_id FROM (
            SELECT quarter, model_id, meter_id, jobs, charged_msat, measured, prompt_tokens, completion_tokens, work_mj
            FROM work
            UNION ALL
            SELECT finished_at_ms / 900000, model_id, meter_id, -1, -charged_msat, -(work_mj IS NOT NULL),
                   iif(work_mj IS NULL, 0, -prompt_tokens), iif(work_mj IS NULL, 0, -completion_tokens),
                   -coalesce(work_mj, 0)
            FROM job_energy JOIN jobs ON jobs.n = job_n
        ) GROUP BY quarter, model_id, meter_id
        HAVING sum(jobs) <> 0 OR sum(charged_msat) <> 0 OR sum(measured) <> 0 OR sum(prompt_tokens) <> 0
            OR sum(completion_tokens) <> 0 OR sum(work_mj) <> 0
        """,
    ),
    (
        "a receipt says what its job cost",
        """
        SELECT id || ' has a receipt that says otherwise' FROM receipts JOIN jobs ON jobs.n = job_n
        WHERE CASE WHEN json_valid(body) THEN
            body ->> 'job_id' IS NOT id OR body ->> 'charged_msat' IS NOT charged_msat
            OR body ->> 'outcome' IS NOT state
            ELSE 1 END
        """,
    ),
    (
        "uptime has neither holes nor overlaps",
        """
        SELECT 'an interval ends at ' || coalesce(end_ms, 'no time') || ', the next begins at ' || following FROM (
            SELECT end_ms, lead(start_ms) OVER (ORDER BY start_ms) AS following FROM intervals
        ) WHERE following IS NOT NULL AND end_ms IS NOT following
        """,
    ),
    ("rows point at rows", "SELECT 'a row of ' || \"table\" || ' points nowhere' FROM pragma_foreign_key_check"),
    (
        "the file is sound",
        "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'",
    ),
)

# Sums of transfers by kind that must be equal: what happened to the claims happened to the coins.
_EQUAL: Final[tuple[tuple[tuple[Kind, ...], tuple[Kind, ...]], ...]] = (
    ((Kind.DEPOSIT, Kind.DEPOSIT_FEE), (Kind.DEPOSIT_COINS,)),
    ((Kind.PAYOUT,), (Kind.PAYOUT_COINS,)),
    ((Kind.PAYOUT_COST,), (Kind.PAYOUT_FEE,)),
    ((Kind.OWNER_IN,), (Kind.OWNER_IN_COINS,)),
    ((Kind.OWNER_IN_COST,), (Kind.OWNER_IN_FEE,)),
    ((Kind.OWNER_OUT,), (Kind.OWNER_OUT_COINS,)),
    ((Kind.OWNER_OUT_COST,), (Kind.OWNER_OUT_FEE,)),
)


def verify(db: Database) -> list[Finding]:
    """Every place where the ledger contradicts itself, at most 20 per rule."""
    findings = [
        Finding(rule, str(what)) for rule, query in _RULES for (what,) in db.execute(query).fetchmany(MOST_FINDINGS)
    ]
    sums: defaultdict[str, int] = defaultdict(int)
    sums.update(db.execute("SELECT kind, sum(amount_msat) FROM transfers GROUP BY kind").fetchall())
    for claims, coins in _EQUAL:
        claimed, moved = sum(sums[kind] for kind in claims), sum(sums[kind] for kind in coins)
        if claimed != moved:
            names = " and ".join(claims)
            findings.append(Finding("claims and coins move together", f"{names}: {claimed} msat against {moved}"))
    return findings
