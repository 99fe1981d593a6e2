"""Energy as rows: what each device used in each quarter of an hour, and what each job took of it.

A quarter's row only grows. A job's row is written once, after the job ended; where the device could not be measured it
says so with an empty energy, so that what is unknown is counted as unknown. The totals of jobs by quarter, model and
device are kept by a trigger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.domain.money import Money
from desktop.domain.pricing import Usage

QUARTER_MS: Final = 900_000


@dataclass(frozen=True, slots=True)
class Metered:
    """What a device used from `start_ms` on, in millijoules, within one quarter of an hour.

    `work_mj` is the part above idle that jobs took. `known_ms` is how long it was measured, `unknown_ms` how long it
    ran and could not be.
    """

    device: str
    start_ms: int
    total_mj: int = 0
    work_mj: int = 0
    known_ms: int = 0
    unknown_ms: int = 0


@dataclass(frozen=True, slots=True)
class JobEnergy:
    """What one ended job took above idle, on which device; `work_mj` None: not measured."""

    job_id: str
    device: str
    work_mj: int | None


@dataclass(frozen=True, slots=True)
class Worked:
    """Jobs of one model on one device that ended in a quarter of an hour, or in a longer period from `start_ms`.

    `charged` is what all of them brought; energy, `usage` and `brought` are those of the `measured` ones only.
    """

    start_ms: int
    model_id: str
    device: str
    jobs: int
    charged: Money
    measured: int
    brought: Money
    usage: Usage
    work_mj: int


def add(db: Database, rows: Iterable[Metered]) -> None:
    """Add measurements to their quarters."""
    for row in rows:
        db.execute(
            "INSERT INTO energy (quarter, meter_id, total_mj, work_mj, known_ms, unknown_ms) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (quarter, meter_id) DO UPDATE SET total_mj = total_mj + excluded.total_mj,"
            " work_mj = work_mj + excluded.work_mj, known_ms = known_ms + excluded.known_ms,"
            " unknown_ms = unknown_ms + excluded.unknown_ms",
            (
                row.start_ms // QUARTER_MS,
                _meter(db, row.device),
                row.total_mj,
                row.work_mj,
                row.known_ms,
                row.unknown_ms,
            ),
        )


def note(db: Database, job: JobEnergy) -> bool:
    """Write what an ended job took; False if it has not ended yet. What was noted first stays."""
    row = db.execute("SELECT n FROM jobs WHERE id = ? AND finished_at_ms IS NOT NULL", (job.job_id,)).fetchone()
    if row is None:
        return False
    db.execute(
        "INSERT INTO job_energy (job_n, meter_id, work_mj) VALUES (?, ?, ?) ON CONFLICT (job_n) DO NOTHING",
        (row[0], _meter(db, job.device), job.work_mj),
    )
    return True


def metered(db: Database, bounds: tuple[int, int]) -> list[Metered]:
    """What devices used, one row per quarter and device, oldest first."""
    rows = db.execute(
        "SELECT device, quarter, total_mj, work_mj, known_ms, unknown_ms FROM energy"
        " JOIN meters ON meters.id = meter_id WHERE quarter >= ? AND quarter < ? ORDER BY quarter, device",
        bounds,
    ).fetchall()
    return [Metered(device, quarter * QUARTER_MS, *numbers) for device, quarter, *numbers in rows]


def worked(db: Database, bounds: tuple[int, int], *, by_quarter: bool) -> list[Worked]:
    """What jobs brought and took, by model and device, and by quarter if asked: a tariff by the hour needs that."""
    step = "quarter" if by_quarter else "min(quarter)"
    rows = db.execute(
        f"SELECT {step}, model_id, device, sum(jobs), sum(charged_msat), sum(measured), sum(brought_msat),"  # noqa: S608 - one of two constants
        " sum(prompt_tokens), sum(completion_tokens), sum(work.work_mj) FROM work JOIN meters ON meters.id = meter_id"
        f" WHERE quarter >= ? AND quarter < ? GROUP BY {'quarter, ' if by_quarter else ''}model_id, meter_id",
        bounds,
    ).fetchall()
    return [
        Worked(
            quarter * QUARTER_MS,
            model_id,
            device,
            jobs,
            Money(charged),
            measured,
            Money(brought),
            Usage(prompt, completion),
            work_mj,
        )
        for quarter, model_id, device, jobs, charged, measured, brought, prompt, completion, work_mj in rows
    ]


def of_job(db: Database, job_id: str) -> JobEnergy | None:
    """What one job took; None if nothing was noted of it."""
    row = db.execute(
        "SELECT jobs.id, device, work_mj FROM job_energy JOIN jobs ON jobs.n = job_n"
        " JOIN meters ON meters.id = meter_id WHERE jobs.id = ?",
        (job_id,),
    ).fetchone()
    return None if row is None else JobEnergy(*row)


def _meter(db: Database, device: str) -> int:
    row = db.execute("SELECT id FROM meters WHERE device = ?", (device,)).fetchone()
    if row is None:
        row = db.execute("INSERT INTO meters (device) VALUES (?) RETURNING id", (device,)).fetchone()
    return int(row[0])
