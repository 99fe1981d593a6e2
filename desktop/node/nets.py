"""What is left of the earnings after electricity: per period, model and device.

The cost of a job is what its device drew above idle while the job was at work, at the tariff of the hour it ended in
and at the present exchange rate. Jobs that were not measured make the net an upper bound, and with none measured it is
not known. A computer that is on for other reasons costs its owner nothing more; what idle devices draw is told as
energy, never as a cost of jobs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from desktop.domain.money import Money
from desktop.domain.tariff import Electricity, rounded_up
from desktop.ledger.energy import Worked
from desktop.ledger.report import Report, Totals


@dataclass(frozen=True, slots=True)
class Net:
    """Earnings and their electricity. `cost` None: not known; `measured` of the `jobs` are in it."""

    gross: Money
    cost: Money | None
    jobs: int
    measured: int
    work_mj: int

    @property
    def net(self) -> Money | None:
        """What is left; with `bound` it is the most that can be left."""
        return None if self.cost is None else self.gross - self.cost

    @property
    def bound(self) -> bool:
        """Whether some jobs' energy is unknown, so that less may be left."""
        return self.measured < self.jobs

    @property
    def known_cost(self) -> Money | None:
        """The whole cost, where every job was measured."""
        return None if self.bound else self.cost


@dataclass(frozen=True, slots=True)
class DeviceNet:
    """One device: its jobs, and all the energy it used in the period, idle included."""

    device: str
    net: Net
    total_mj: int
    known_ms: int
    unknown_ms: int


def net_of(totals: Totals, worked: Sequence[Worked], electricity: Electricity) -> Net:
    """The net of one period."""
    return _net(totals.earned, sum(totals.jobs.values()), worked, electricity)


def nets(report: Report, edges_ms: Sequence[int], electricity: Electricity) -> list[Net]:
    """The net between each two neighbouring edges, which lie on quarters of an hour."""
    periods = list(pairwise(edges_ms))
    if _flat(electricity):
        rows = [report.worked(start_ms, end_ms) for start_ms, end_ms in periods]
    else:
        rows = [[] for _ in periods]
        for row in report.worked(edges_ms[0], edges_ms[-1], by_quarter=True):
            rows[bisect_right(edges_ms, row.start_ms) - 1].append(row)
    return [net_of(*period, electricity) for period in zip(report.chart(edges_ms), rows, strict=True)]


def nets_by_model(report: Report, start_ms: int, end_ms: int, electricity: Electricity) -> dict[str, Net]:
    """The net of each model in a period; what was rounded down belongs to no model."""
    gross: defaultdict[str, Money] = defaultdict(Money)
    jobs: defaultdict[str, int] = defaultdict(int)
    for each in report.by_model(start_ms, end_ms):
        gross[each.model_id] += each.charged
        jobs[each.model_id] += each.jobs
    rows = report.worked(start_ms, end_ms, by_quarter=not _flat(electricity))
    return {
        model: _net(gross[model], jobs[model], [row for row in rows if row.model_id == model], electricity)
        for model in gross
    }


def nets_by_device(report: Report, start_ms: int, end_ms: int, electricity: Electricity) -> list[DeviceNet]:
    """The net of each device in a period. Jobs whose device is not known are in none of them."""
    rows = report.worked(start_ms, end_ms, by_quarter=not _flat(electricity))
    total: defaultdict[str, int] = defaultdict(int)
    known: defaultdict[str, int] = defaultdict(int)
    unknown: defaultdict[str, int] = defaultdict(int)
    for each in report.metered(start_ms, end_ms):
        total[each.device] += each.total_mj
        known[each.device] += each.known_ms
        unknown[each.device] += each.unknown_ms
    found = []
    for device in sorted({*total, *(row.device for row in rows)}):
        mine = [row for row in rows if row.device == device]
        gross = Money(sum(row.charged.msat for row in mine))
        net = _net(gross, sum(row.jobs for row in mine), mine, electricity)
        found.append(DeviceNet(device, net, total[device], known[device], unknown[device]))
    return found


def _flat(electricity: Electricity) -> bool:
    """Whether the hour of a job does not matter; where it does, rows are read by quarter of an hour."""
    return electricity.tariff is None or electricity.tariff.flat


def _net(gross: Money, jobs: int, worked: Iterable[Worked], electricity: Electricity) -> Net:
    measured, work_mj = 0, 0
    cost: Fraction | None = Fraction()
    for row in worked:
        measured += row.measured
        work_mj += row.work_mj
        price = electricity.exact_msat(row.work_mj, row.start_ms)
        cost = None if cost is None or price is None else cost + price
    unknown = cost is None or not electricity.known or (jobs > 0 and measured == 0)
    return Net(gross, None if cost is None or unknown else rounded_up(cost), jobs, measured, work_mj)
