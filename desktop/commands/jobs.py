"""`hearth jobs`: the newest jobs, one job with its receipt, or all of them as a file."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from desktop.commands.console import UNKNOWN, Console, clock, sats
from desktop.compose import Composition
from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.domain.job import JobState
from desktop.ledger.export import Format, export_jobs, row_of
from desktop.ledger.report import JobFilter, Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("job", nargs="?", metavar="ID", help="show this job with its signed receipt")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20, at most 500)")
    parser.add_argument("--state", choices=[state.value for state in JobState], help="only jobs in this state")
    parser.add_argument("--model", metavar="ID", help="only jobs of this model")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write all of them to a .csv or .json file")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print, or export."""
    wanted = JobFilter(state=JobState(arguments.state) if arguments.state else None, model_id=arguments.model)
    with home.report() as report:
        if arguments.job is not None:
            return _one(report, arguments.job, console)
        if arguments.export is not None:
            return _export(report, wanted, arguments.export, console)
        page = report.jobs(wanted, limit=arguments.limit)
    console.document([row_of(job) for job in page.jobs])
    if not page.jobs:
        console.say("No jobs yet. The first one appears here when it is paid.")
        return 0
    console.table(
        ("accepted", "id", "model", "state", "tokens", "charged (sat)"),
        [
            (
                clock(job.accepted_at_ms),
                job.id,
                job.model_id,
                job.state.value,
                f"{job.usage.total_tokens:,}",
                sats(job.charged),
            )
            for job in page.jobs
        ],
    )
    return 0


def _one(report: Report, job_id: str, console: Console) -> int:
    job = report.job(job_id)
    if job is None:
        raise SettingsError(f"There is no job {job_id!r}.", now="`hearth jobs` lists the newest with their ids.")
    signed = report.receipt(job_id)
    receipt = asdict(signed.receipt) | {"signature": signed.signature} if signed else None
    console.document(row_of(job) | {"receipt": receipt})
    for name, value in row_of(job).items():
        console.say(f"  {name:<20}{UNKNOWN if value is None else value}")
    console.say()
    console.say("  Receipt, signed by this node:" if receipt else "  No receipt: the job has not ended.")
    for name, value in (receipt or {}).items():
        console.say(f"    {name:<20}{value}")
    return 0


def _export(report: Report, wanted: JobFilter, path: Path, console: Console) -> int:
    ending = path.suffix.lower().removeprefix(".")
    if ending not in set(Format):
        raise SettingsError(f"{path.name} is neither .csv nor .json.", now="Choose a name that ends in one of them.")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            count = export_jobs(report.every_job(wanted), file, Format(ending))
    except OSError as error:
        raise StorageUnusable(
            f"{path} could not be written.", why=f"The system says: {error.strerror}.", now="Choose another place."
        ) from error
    console.document({"exported": count, "file": str(path)})
    console.say(f"{count:,} jobs are in {path}.")
    return 0
