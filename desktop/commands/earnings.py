"""`hearth earnings`: what was earned, what electricity took of it, per day, hour, model or device."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from desktop.commands.calendar import day_edges, hour_edges
from desktop.commands.console import UNKNOWN, Console, clock, sats
from desktop.compose import Composition
from desktop.domain.job import JobState
from desktop.domain.tariff import MJ_PER_KWH, Electricity
from desktop.economy import refreshed_electricity_of
from desktop.ledger.report import Report
from desktop.node.nets import Net, nets, nets_by_device, nets_by_model


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--by", choices=("day", "hour", "model", "device"), default="day", help="how to group (default: day)"
    )
    parser.add_argument("--days", type=int, default=30, metavar="N", help="how many days back (default: 30)")
    parser.add_argument("--csv", action="store_true", help="print CSV, for a spreadsheet")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print a table, CSV, or one JSON document."""
    now = datetime.now(tz=UTC).astimezone()
    edges = day_edges(now, max(1, min(arguments.days, 3660)))
    electricity = refreshed_electricity_of(home)
    with home.report() as report:
        if arguments.by == "model":
            rows = _models(report, edges, electricity)
        elif arguments.by == "device":
            rows = _devices(report, edges, electricity)
        else:
            hours = arguments.by == "hour"
            rows = _times(report, hour_edges(home.now_ms(), 24) if hours else edges, electricity, hours=hours)
        funds = report.funds()
    console.document([row.document for row in rows])
    shown = [row for row in rows if row.net.jobs or row.net.gross or arguments.by == "device"]
    if arguments.csv and not console.as_json:
        _csv([row.document for row in rows], console)
        return 0
    if shown:
        head = (
            arguments.by,
            "earned (sat)",
            "electricity",
            "net",
            "jobs",
            "measured",
            *(name for name, _ in shown[0].more),
        )
        console.table(head, [(row.name, *_cells(row.net), *(cell for _, cell in row.more)) for row in shown])
    else:
        console.say("Nothing was earned in this time. `hearth why` says why.")
    console.say()
    console.say(f"  Earned in all: {funds.earned}. Yours to spend: {funds.spendable}.")
    for note in _notes(electricity, shown):
        console.say(f"  {note}")
    return 0


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    net: Net
    document: dict[str, object]
    more: tuple[tuple[str, str], ...] = ()


def _times(report: Report, edges: list[int], electricity: Electricity, *, hours: bool) -> list[_Row]:
    return [
        _Row(
            clock(totals.start_ms)[: 16 if hours else 10],
            net,
            {
                "start_ms": totals.start_ms,
                "end_ms": totals.end_ms,
                **_document(net),
                "by_outcome": {state.value: count for state, count in totals.jobs.items()},
                "prompt_tokens": totals.usage.prompt_tokens,
                "completion_tokens": totals.usage.completion_tokens,
            },
            (("failed", f"{totals.jobs.get(JobState.FAILED, 0):,}"), ("tokens", f"{totals.usage.total_tokens:,}")),
        )
        for totals, net in zip(report.chart(edges), nets(report, edges, electricity), strict=True)
    ]


def _models(report: Report, edges: list[int], electricity: Electricity) -> list[_Row]:
    found = nets_by_model(report, edges[0], edges[-1], electricity)
    tokens: Counter[str] = Counter()
    for each in report.by_model(edges[0], edges[-1]):
        tokens[each.model_id] += each.usage.total_tokens
    return [
        _Row(
            model,
            net,
            {"model": model, **_document(net), "tokens": tokens[model]},
            (("tokens", f"{tokens[model]:,}"),),
        )
        for model, net in found.items()
    ]


def _devices(report: Report, edges: list[int], electricity: Electricity) -> list[_Row]:
    return [
        _Row(
            each.device,
            each.net,
            {
                "device": each.device,
                **_document(each.net),
                "total_mj": each.total_mj,
                "known_ms": each.known_ms,
                "unknown_ms": each.unknown_ms,
            },
            (
                ("work (kWh)", _kwh(each.net.work_mj)),
                ("all (kWh)", _kwh(each.total_mj) if each.known_ms else UNKNOWN),
            ),
        )
        for each in nets_by_device(report, edges[0], edges[-1], electricity)
    ]


def _cells(net: Net) -> tuple[str, ...]:
    cost = UNKNOWN if net.cost is None else f"{'≥ ' if net.bound else ''}{sats(net.cost)}"
    left = UNKNOWN if net.net is None else f"{'≤ ' if net.bound else ''}{sats(net.net)}"
    return (sats(net.gross), cost, left, f"{net.jobs:,}", f"{net.measured:,}")


def _document(net: Net) -> dict[str, object]:
    return {
        "earned_msat": net.gross.msat,
        "electricity_msat": None if net.cost is None else net.cost.msat,
        "net_msat": None if net.net is None else net.net.msat,
        "net_is_upper_bound": net.bound,
        "jobs": net.jobs,
        "measured_jobs": net.measured,
        "work_mj": net.work_mj,
    }


def _csv(rows: Sequence[dict[str, object]], console: Console) -> None:
    names = [name for name in rows[0] if name != "by_outcome"] if rows else []
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    console.write(out.getvalue())


def _notes(electricity: Electricity, rows: Sequence[_Row]) -> Iterator[str]:
    if electricity.tariff is None:
        yield "Electricity is not counted: set electricity_price."
    elif electricity.rate is None:
        yield "Electricity is not counted in sats: set sat_per_currency, or exchange_source."
    elif any(row.net.bound for row in rows):
        yield "Not every job's energy was measured: what is marked ≤ is the most that can be left."
    if electricity.known and electricity.rate is not None:
        when = "" if electricity.rate.at_ms is None else f", asked at {clock(electricity.rate.at_ms)}"
        yield (
            f"Electricity is what jobs drew above idle, at the tariff of its hour and today's rate: "
            f"{float(electricity.rate.sat_per_unit):,.2f} sat ({electricity.rate.source}{when})."
        )


def _kwh(energy_mj: int) -> str:
    return f"{energy_mj / MJ_PER_KWH:,.3f}"
