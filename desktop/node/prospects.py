"""What this computer has shown so far, for the outlook: how fast, how busy, with how much energy. From the ledger."""

from __future__ import annotations

import statistics
from typing import Final

from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState
from desktop.domain.outlook import Figure
from desktop.domain.told import told
from desktop.domain.why import WEEK_MS
from desktop.ledger.report import QUARTER_MS, JobFilter, Report
from desktop.node import estimate

ANSWERS: Final = 200
LEAST_ANSWERS: Final = 5
LEAST_TOKENS: Final = 8
LEAST_READY_MS: Final = 24 * 3_600_000  # a shorter time says little about a day


def speed(report: Report, model_id: str, now_ms: int) -> Figure | None:
    """Tokens a second of one answer, from its first token to its last: the middle half of the newest answers.

    Before there are enough of them, what was measured.
    """
    rates = []
    for job in report.jobs(JobFilter(state=JobState.COMPLETED, model_id=model_id), limit=ANSWERS).jobs:
        if job.first_token_at_ms is None or job.finished_at_ms is None:
            continue
        passed_ms, tokens = job.finished_at_ms - job.first_token_at_ms, job.usage.completion_tokens
        if tokens >= LEAST_TOKENS and passed_ms > 0:
            rates.append((tokens - 1) * 1000 / passed_ms)
    if len(rates) < LEAST_ANSWERS:
        return estimate.speed(report, model_id, now_ms)
    low, _, high = statistics.quantiles(rates, n=4, method="inclusive")
    return Figure(low, high, told("your last {count} answers", count=len(rates)))


def energy(report: Report, model_id: str, now_ms: int) -> Figure | None:
    """Joules above idle for a written token, over the last week's measured jobs; before, what was measured."""
    end_ms = (now_ms // QUARTER_MS + 1) * QUARTER_MS
    rows = [row for row in report.worked(max(0, end_ms - WEEK_MS), end_ms) if row.model_id == model_id]
    tokens, jobs = sum(row.usage.completion_tokens for row in rows), sum(row.measured for row in rows)
    if not tokens or jobs < LEAST_ANSWERS:
        return estimate.energy(report, model_id, now_ms)
    joules = sum(row.work_mj for row in rows) / 1000 / tokens
    return Figure(joules, joules, told("the energy of {count} jobs of the last week", count=jobs))


def busy(report: Report, model_id: str, rate: Figure | None, now_ms: int) -> Figure | None:
    """The share of its ready time that this computer answered, over the last week; None for less than a ready day."""
    ready_ms = sum(
        share.duration_ms
        for share in report.shares(now_ms - WEEK_MS, now_ms, now_ms)
        if share.state in {NodeState.READY, NodeState.EARNING}
    )
    if rate is None or ready_ms < LEAST_READY_MS:
        return None
    end_ms = (now_ms // QUARTER_MS + 1) * QUARTER_MS
    sold = report.by_model(max(0, end_ms - WEEK_MS), end_ms)
    tokens = sum(row.usage.completion_tokens for row in sold if row.model_id == model_id)
    middle = (rate.low + rate.high) / 2
    share = min(1.0, tokens / middle / (ready_ms / 1000))
    return Figure(share, share, told("{ready_ms} of readiness in your last week", ready_ms=ready_ms))
