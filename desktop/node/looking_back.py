"""The past as the ledger has it, put together to explain the present."""

from __future__ import annotations

from desktop.domain.job import JobState
from desktop.domain.why import DAY_MS, WEEK_MS, Span, Why, Work, explain, span_of
from desktop.ledger.report import QUARTER_MS, Report


def look_back(report: Report, now_ms: int) -> Why:
    """Why the node earns or does not. Jobs and earnings are counted by whole quarters of an hour."""
    day, week = (_span(report, now_ms, length_ms) for length_ms in (DAY_MS, WEEK_MS))
    return explain(report.current(now_ms), now_ms, day, week)


def _span(report: Report, now_ms: int, length_ms: int) -> Span:
    start_ms = now_ms - length_ms
    spent = {(each.state, each.reason): each.duration_ms for each in report.shares(start_ms, now_ms, now_ms)}
    end_ms = (now_ms // QUARTER_MS + 1) * QUARTER_MS
    (totals,) = report.chart((max(0, end_ms - length_ms), end_ms))
    work = Work(sum(totals.jobs.values()), totals.jobs.get(JobState.FAILED, 0), totals.earned)
    return span_of(spent, length_ms, work)
