"""How much energy a device uses and which job took it: readings in, millijoules out. Pure.

Where the driver counts energy, the difference of two readings is taken; else power times time; else it is unknown. A
counter that went back, jumped further than a device can, or stood still under power says nothing, and power answers
for it. What a device draws while no job is at work is its idle power; what jobs took is the rest, shared between them
by the time each was at work. A job of which any moment was not measured took an unknown amount.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from desktop.domain.device import Telemetry

LONGEST_GAP_MS: Final = 30_000  # between readings further apart anything may have happened
LONGEST_COUNTED_GAP_MS: Final = 300_000  # a counter saw it all; longer, the computer slept
MOST_WATTS: Final = 3000.0
IDLE_SLICES: Final = 300
LEAST_IDLE_SLICES: Final = 3
_MJ: Final = 1000


@dataclass(frozen=True, slots=True)
class Slice:
    """The time between two readings; `energy_mj` None: not known."""

    start_ms: int
    end_ms: int
    energy_mj: int | None


def between(before: Telemetry, after: Telemetry) -> Slice | None:
    """What was used between two readings of one device; None if time did not pass."""
    passed_ms = after.at_ms - before.at_ms
    if passed_ms <= 0:
        return None
    counted = _counted(before, after, passed_ms)
    return Slice(before.at_ms, after.at_ms, _sampled(before, after, passed_ms) if counted is None else counted)


def _counted(before: Telemetry, after: Telemetry, passed_ms: int) -> int | None:
    if before.energy_j is None or after.energy_j is None or passed_ms > LONGEST_COUNTED_GAP_MS:
        return None
    used_j = after.energy_j - before.energy_j
    if not 0 <= used_j <= MOST_WATTS * passed_ms / 1000:
        return None  # it wrapped, started anew, or is another device's
    if used_j == 0 and (before.power_w or 0) > 0 and (after.power_w or 0) > 0:
        return None  # it stands still although power flows
    return round(used_j * _MJ)


def _sampled(before: Telemetry, after: Telemetry, passed_ms: int) -> int | None:
    if before.power_w is None or after.power_w is None or passed_ms > LONGEST_GAP_MS:
        return None
    watts = (before.power_w + after.power_w) / 2
    return round(watts * passed_ms) if 0 <= watts <= MOST_WATTS else None


@dataclass(frozen=True, slots=True)
class Took:
    """An ended job and what it took above idle; None: not known."""

    job_id: str
    work_mj: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One slice of a device: its energy, the part jobs took, and the jobs that ended in it."""

    slice: Slice
    work_mj: int
    ended: tuple[Took, ...]


@dataclass(slots=True)
class _Tab:
    """What one job has taken so far."""

    began_ms: int
    ended_ms: int | None = None
    work_mj: int | None = 0

    def busy_ms(self, piece: Slice) -> int:
        """How long it was at work in that time."""
        end_ms = piece.end_ms if self.ended_ms is None else self.ended_ms
        return max(0, min(end_ms, piece.end_ms) - max(self.began_ms, piece.start_ms))


@dataclass(slots=True)
class DeviceMeter:
    """One device. Times are those of the readings; a job begins and ends by the same clock."""

    _before: Telemetry | None = None
    _tabs: dict[str, _Tab] = field(default_factory=dict)
    _idle_w: deque[float] = field(default_factory=lambda: deque(maxlen=IDLE_SLICES))

    @property
    def idle_w(self) -> float | None:
        """What it draws while no job is at work: the lower quarter of what was seen, as others may use it too."""
        if len(self._idle_w) < LEAST_IDLE_SLICES:
            return None
        return statistics.quantiles(self._idle_w, n=4, method="inclusive")[0]

    def began(self, job_id: str, at_ms: int) -> None:
        """A job is at work from now on."""
        self._tabs[job_id] = _Tab(at_ms, work_mj=None if self._before is None else 0)

    def ended(self, job_id: str, at_ms: int) -> None:
        """A job is at work no more. What it took is told with the next reading."""
        tab = self._tabs.get(job_id)
        if tab is not None and tab.ended_ms is None:
            tab.ended_ms = max(at_ms, tab.began_ms)

    def observe(self, now: Telemetry) -> Measured | None:
        """One more reading; None for the first one and for one that is not newer."""
        before, self._before = self._before, now
        if before is None:
            return None
        piece = between(before, now)
        if piece is None:
            # The clock was set back. Who is at work was not measured meanwhile; who ended is told next time.
            for tab in self._tabs.values():
                tab.work_mj = None
                tab.began_ms = min(tab.began_ms, now.at_ms)
                tab.ended_ms = None if tab.ended_ms is None else min(tab.ended_ms, now.at_ms)
            return None
        busy = {job_id: tab.busy_ms(piece) for job_id, tab in self._tabs.items()}
        work_mj = self._share_out(piece, {job_id: length for job_id, length in busy.items() if length})
        ended = {job_id: tab for job_id, tab in self._tabs.items() if _is_over(tab, piece)}
        for job_id in ended:
            del self._tabs[job_id]
        return Measured(piece, work_mj, tuple(Took(job_id, tab.work_mj) for job_id, tab in ended.items()))

    def _share_out(self, piece: Slice, busy: dict[str, int]) -> int:
        passed_ms = piece.end_ms - piece.start_ms
        if piece.energy_mj is not None and not self._tabs:
            self._idle_w.append(piece.energy_mj / passed_ms)
            return 0
        idle_w = self.idle_w
        if piece.energy_mj is None or idle_w is None:
            for job_id in busy:
                self._tabs[job_id].work_mj = None
            return 0
        above = max(0, piece.energy_mj - round(idle_w * passed_ms))
        shared = 0
        total_ms = sum(busy.values())
        for job_id, length in busy.items():
            part = above * length // total_ms
            tab = self._tabs[job_id]
            if tab.work_mj is not None:
                tab.work_mj += part
                shared += part
        return shared


def _is_over(tab: _Tab, piece: Slice) -> bool:
    return tab.ended_ms is not None and (tab.ended_ms <= piece.end_ms or tab.began_ms > piece.end_ms)
