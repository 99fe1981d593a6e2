"""What the ledger tells the owner, in the door's words. Blocking; called off the loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from desktop.control.answers import (
    DeviceEarnings,
    EarningsAnswer,
    EarningsSlice,
    ExportAnswer,
    JobAnswer,
    JobsAnswer,
    ModelEarnings,
    ReceiptSheet,
    UptimeAnswer,
    UptimeInterval,
    WhyAnswer,
)
from desktop.control.messages import ExportJobs, ReadEarnings, ReadJobs, ReadUptime
from desktop.control.reasons import why_answer
from desktop.control.snapshot import Balance, JobLine, MintBalance, Today, UptimeSummary
from desktop.domain.errors import RequestError, StorageUnusable
from desktop.domain.job import Job, JobState
from desktop.domain.money import Money
from desktop.domain.receipt import SignedReceipt
from desktop.domain.tariff import Electricity
from desktop.ledger.export import Format, export_jobs
from desktop.ledger.report import QUARTER_MS, JobFilter, ModelTotals, Report
from desktop.ledger.timeline import UP
from desktop.node.looking_back import look_back
from desktop.node.nets import DeviceNet, Net, nets, nets_by_device, nets_by_model

USUAL_DAYS: Final = 7
LEAST_USUAL_DAYS: Final = 2
DAY_MS: Final = 86_400_000
UPTIME_DAYS: Final = 30
RECENT: Final = 8


class Records:
    """Reads `report`; `verify` checks a receipt's signature; `electricity` is what energy costs now."""

    def __init__(
        self,
        report: Report,
        verify: Callable[[SignedReceipt], bool],
        now_ms: Callable[[], int],
        electricity: Callable[[], Electricity] = Electricity,
    ) -> None:
        self._report = report
        self._electricity = electricity
        self._verify = verify
        self._now_ms = now_ms
        self._first_ms: int | None = None

    def today(self) -> Today:
        """Since local midnight, beside the days before."""
        edges = _midnights(self._now_ms(), USUAL_DAYS)
        *before, today = self._report.chart(edges)
        first = self.first_ms()
        full = [day.earned.msat for day in before if first is not None and day.end_ms > first]
        # The first of them was not a full day: it began in the middle.
        usual = full[1:] if len(full) < USUAL_DAYS else full
        (net,) = nets(self._report, edges[-2:], self._electricity())
        return Today(
            earned_msat=today.earned.msat,
            usual_msat=sum(usual) // len(usual) if len(usual) >= LEAST_USUAL_DAYS else None,
            completed=today.jobs.get(JobState.COMPLETED, 0),
            failed=today.jobs.get(JobState.FAILED, 0),
            cancelled=today.jobs.get(JobState.CANCELLED, 0),
            electricity_msat=_msat(net.cost),
            unmeasured=net.jobs - net.measured,
        )

    def balance(self) -> Balance:
        """The owner's money."""
        funds = self._report.funds()
        mints = tuple(MintBalance(mint=mint, msat=amount.msat) for mint, amount in sorted(funds.wallets.items()))
        return Balance(available_msat=funds.spendable.msat, owed_msat=funds.owed.msat + funds.held.msat, mints=mints)

    def uptime_summary(self) -> UptimeSummary:
        """The last 30 days, as far as they are known."""
        now = self._now_ms()
        start = now - UPTIME_DAYS * DAY_MS
        shares = self._report.shares(start, now, now)
        known = sum(share.duration_ms for share in shares)
        up = sum(share.duration_ms for share in shares if share.state in UP)
        return UptimeSummary(
            share=up / known if known else None, offline_ms=known - up, since_ms=now - known if known else None
        )

    def recent(self) -> tuple[JobLine, ...]:
        """The newest jobs."""
        return tuple(job_line(job) for job in self._report.jobs(limit=RECENT).jobs)

    def first_ms(self) -> int | None:
        """When the first job was accepted."""
        if self._first_ms is None:
            first = next(self._report.every_job(), None)
            self._first_ms = None if first is None else first.accepted_at_ms
        return self._first_ms

    def earnings(self, request: ReadEarnings) -> EarningsAnswer:
        """Sums between edges. Raises RequestError unless they ascend on quarters of an hour."""
        edges = request.edges_ms
        if any(edge % QUARTER_MS for edge in edges) or list(edges) != sorted(set(edges)):
            raise RequestError("Edges ascend, on quarters of an hour.", parameter="edges_ms")
        electricity = self._electricity()
        slices = tuple(
            EarningsSlice(
                start_ms=start_ms,
                msat=each.gross.msat,
                jobs=each.jobs,
                electricity_msat=_msat(each.cost),
                unmeasured=each.jobs - each.measured,
            )
            for start_ms, each in zip(edges, nets(self._report, edges, electricity), strict=False)
        )
        by_model = nets_by_model(self._report, edges[0], edges[-1], electricity)
        models = _by_model(self._report.by_model(edges[0], edges[-1]), by_model)
        devices = tuple(map(_device, nets_by_device(self._report, edges[0], edges[-1], electricity)))
        return EarningsAnswer(slices=slices, models=models, first_ms=self.first_ms(), devices=devices)

    def uptime(self, request: ReadUptime) -> UptimeAnswer:
        """Intervals of a span."""
        found = self._report.intervals(request.start_ms, request.end_ms, self._now_ms())
        return UptimeAnswer(
            intervals=tuple(
                UptimeInterval(
                    start_ms=each.start_ms,
                    end_ms=each.end_ms,
                    state=each.state,
                    reason=each.reason,
                    detail=each.detail,
                )
                for each in found
            )
        )

    def why(self) -> WhyAnswer:
        """Why it earns or does not."""
        return why_answer(look_back(self._report, self._now_ms()))

    def jobs(self, request: ReadJobs) -> JobsAnswer:
        """A page of jobs."""
        wanted = JobFilter(state=request.state, model_id=request.model_id, search=request.search, named=request.named)
        page = self._report.jobs(wanted, limit=request.limit, before=request.before)
        return JobsAnswer(jobs=tuple(job_line(job) for job in page.jobs), before=page.before)

    def job(self, job_id: str) -> JobAnswer:
        """One job with its receipt, or RequestError."""
        job = self._report.job(job_id)
        if job is None:
            raise RequestError("There is no such job.", why=f"The ledger has none with the id {job_id}.")
        signed = self._report.receipt(job_id)
        sheet = None
        if signed is not None:
            body = signed.receipt.canonical().decode()
            sheet = ReceiptSheet(body=body, signature=signed.signature, valid=self._verify(signed))
        return JobAnswer(
            job=job_line(job),
            payment=job.payment.value,
            held_msat=job.held.msat,
            first_token_at_ms=job.first_token_at_ms,
            receipt=sheet,
        )

    def export(self, request: ExportJobs) -> ExportAnswer:
        """Write every job to a new file that only the owner can read. Raises StorageUnusable."""
        path = Path(request.path)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
                count = export_jobs(self._report.every_job(), out, Format(request.format))
        except (OSError, ValueError) as error:  # ValueError: no file can have such a name
            raise StorageUnusable(
                f"{path.name} cannot be written.",
                why=f"The system says: {error.strerror if isinstance(error, OSError) else error}.",
                now="Choose another name or folder.",
            ) from error
        return ExportAnswer(jobs=count)


def job_line(job: Job) -> JobLine:
    """A job as a row."""
    return JobLine(
        id=job.id,
        kind=job.kind,
        model_id=job.model_id,
        state=job.state,
        accepted_at_ms=job.accepted_at_ms,
        started_at_ms=job.started_at_ms,
        finished_at_ms=job.finished_at_ms,
        prompt_tokens=job.usage.prompt_tokens,
        completion_tokens=job.usage.completion_tokens,
        charged_msat=job.charged.msat,
        reason=job.reason,
    )


def _device(each: DeviceNet) -> DeviceEarnings:
    return DeviceEarnings(
        device=each.device,
        msat=each.net.gross.msat,
        jobs=each.net.jobs,
        electricity_msat=_msat(each.net.cost),
        unmeasured=each.net.jobs - each.net.measured,
        work_mj=each.net.work_mj,
        total_mj=each.total_mj,
        known_ms=each.known_ms,
        unknown_ms=each.unknown_ms,
    )


def _msat(amount: Money | None) -> int | None:
    return None if amount is None else amount.msat


def _by_model(totals: list[ModelTotals], by_model: dict[str, Net]) -> tuple[ModelEarnings, ...]:
    """One row per model, over all its kinds of jobs, best earner first."""
    rows: dict[str, ModelEarnings] = {}
    for each in totals:
        known = rows.get(each.model_id)
        rows[each.model_id] = ModelEarnings(
            model_id=each.model_id,
            msat=each.charged.msat + (known.msat if known else 0),
            jobs=each.jobs + (known.jobs if known else 0),
            prompt_tokens=each.usage.prompt_tokens + (known.prompt_tokens if known else 0),
            completion_tokens=each.usage.completion_tokens + (known.completion_tokens if known else 0),
            electricity_msat=_msat(by_model[each.model_id].cost),
            unmeasured=by_model[each.model_id].jobs - by_model[each.model_id].measured,
        )
    return tuple(sorted(rows.values(), key=lambda row: (-row.msat, row.model_id)))


def _midnights(now_ms: int, days: int) -> list[int]:
    """Local midnights in UTC milliseconds: `days` full days, then today."""
    today = datetime.fromtimestamp(now_ms / 1000).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ006 - days are the owner's
    return [round((today + timedelta(days=offset)).timestamp() * 1000) for offset in range(-days, 2)]
