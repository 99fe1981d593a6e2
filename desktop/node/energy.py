"""Measured energy on its way into the ledger: every reading of every device, added up, written once a minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from desktop.domain.device import Telemetry
from desktop.ledger.energy import QUARTER_MS, JobEnergy, Metered
from desktop.node.books import Books
from desktop.node.metering import DeviceMeter, Measured

LOOK_S: Final = 2.0
WRITE_EVERY_S: Final = 60.0
MOST_TRIES: Final = 10


class EnergyBook:
    """Looks at `readings` (the newest reading by device) and keeps the books; `now_ms` is UTC, as the readings are.

    Whoever gives a job its device calls `began` and `ended`. A job that never ends in the ledger is forgotten after
    `MOST_TRIES` minutes. What was measured since the last writing is lost with a killed process: a minute at most.
    """

    def __init__(
        self, readings: Callable[[], Mapping[str, Telemetry]], books: Books, now_ms: Callable[[], int]
    ) -> None:
        self._readings = readings
        self._books = books
        self._now_ms = now_ms
        self._meters: dict[str, DeviceMeter] = {}
        self._seen: dict[str, Telemetry] = {}
        self._rows: dict[tuple[str, int], Metered] = {}
        self._jobs: list[tuple[JobEnergy, int]] = []
        self._devices: dict[str, str] = {}

    def began(self, device_id: str, job_id: str) -> None:
        """A job is at work on that device."""
        self._devices[job_id] = device_id
        self._meter(device_id).began(job_id, self._now_ms())

    def ended(self, job_id: str) -> None:
        """A job is at work no more, however it ended."""
        device_id = self._devices.pop(job_id, None)
        if device_id is not None:
            self._meter(device_id).ended(job_id, self._now_ms())

    def idle_w(self, device_id: str) -> float | None:
        """What a device draws while no job is at work; None while that is not known."""
        return self._meter(device_id).idle_w

    def look(self) -> None:
        """Take the newest readings in."""
        for device_id, reading in self._readings().items():
            if self._seen.get(device_id) is not reading:
                self._seen[device_id] = reading
                measured = self._meter(device_id).observe(reading)
                if measured is not None:
                    self._note(device_id, measured)

    async def write(self) -> None:
        """Write what was measured since the last time; what the disk refuses is kept for the next."""
        rows, jobs = list(self._rows.values()), self._jobs
        if not rows and not jobs:
            return
        self._rows, self._jobs = {}, []
        try:
            early = await self._books.run(lambda ledger: ledger.add_energy(rows, [job for job, _ in jobs]))
        except BaseException:
            for row in rows:
                self._add(row)
            self._jobs = [*jobs, *self._jobs]
            raise
        waiting = set(early)
        self._jobs += [(job, tries + 1) for job, tries in jobs if job in waiting and tries < MOST_TRIES]

    def _meter(self, device_id: str) -> DeviceMeter:
        return self._meters.setdefault(device_id, DeviceMeter())

    def _note(self, device_id: str, measured: Measured) -> None:
        piece, known = measured.slice, measured.slice.energy_mj is not None
        length_ms = piece.end_ms - piece.start_ms
        self._add(
            Metered(
                device_id,
                # A slice counts in the quarter of an hour in which it ends.
                piece.end_ms // QUARTER_MS * QUARTER_MS,
                total_mj=piece.energy_mj or 0,
                work_mj=measured.work_mj,
                known_ms=length_ms if known else 0,
                unknown_ms=0 if known else length_ms,
            )
        )
        self._jobs += [(JobEnergy(each.job_id, device_id, each.work_mj), 0) for each in measured.ended]

    def _add(self, row: Metered) -> None:
        key = (row.device, row.start_ms)
        old = self._rows.get(key, Metered(*key))
        self._rows[key] = Metered(
            *key,
            old.total_mj + row.total_mj,
            old.work_mj + row.work_mj,
            old.known_ms + row.known_ms,
            old.unknown_ms + row.unknown_ms,
        )
