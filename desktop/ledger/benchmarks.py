"""Benchmark reports as they are kept: all of them, the opened rows of the newest few."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

from sqlite_utils import Database

from desktop.domain.errors import StorageUnusable

OPENED_KEPT: Final = 4
"""Openings are a megabyte each, and who wants to check them asks soon."""
MOST_OPENED_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class KeptBenchmark:
    """One run. `report` is the signed report as JSON without its openings, `openings` those as JSON, or None."""

    at_ms: int
    device_id: str
    model_id: str
    digest: str
    report: str
    openings: bytes | None = field(default=None, repr=False)


def keep(db: Database, run: KeptBenchmark) -> bool:
    """Write a run down, and forget the openings of old ones; False if it was written before."""
    packed = None if run.openings is None else zlib.compress(run.openings)
    added = db.execute(
        "INSERT INTO benchmarks (at_ms, device_id, model_id, digest, report, openings) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (digest) DO NOTHING RETURNING n",
        (run.at_ms, run.device_id, run.model_id, run.digest, run.report, packed),
    ).fetchone()
    db.execute(
        "UPDATE benchmarks SET openings = NULL WHERE openings IS NOT NULL"
        " AND n <= (SELECT n FROM benchmarks ORDER BY n DESC LIMIT 1 OFFSET ?)",
        (OPENED_KEPT,),
    )
    return added is not None


def newest(db: Database, limit: int, device_id: str | None = None) -> list[KeptBenchmark]:
    """The newest runs first, of one device or of all, without their openings."""
    rows = db.execute(
        "SELECT at_ms, device_id, model_id, digest, report FROM benchmarks"
        " WHERE ? IS NULL OR device_id = ? ORDER BY n DESC LIMIT ?",
        (device_id, device_id, limit),
    ).fetchall()
    return [KeptBenchmark(*row) for row in rows]


def openings(db: Database, digest: str) -> bytes | None:
    """The opened rows of a run; None where they were not kept. StorageUnusable if they cannot be read."""
    row = db.execute("SELECT openings FROM benchmarks WHERE digest = ?", (digest,)).fetchone()
    if row is None or row[0] is None:
        return None
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(row[0], MOST_OPENED_BYTES)
    except zlib.error:
        unpacked = b""
    if not unpacker.eof:
        raise StorageUnusable("A benchmark in the ledger cannot be read.", why="The file is damaged.")
    return unpacked
