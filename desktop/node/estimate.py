"""What a benchmark says of a model before its first jobs: a first estimate, replaced by what jobs show."""

from __future__ import annotations

from typing import Final

from desktop.domain.benchmark import ENERGY, Part, Unit, writing
from desktop.domain.errors import BenchmarkInvalid
from desktop.domain.outlook import Figure
from desktop.domain.told import Told, told
from desktop.ledger.report import Report
from desktop.proof.benchmark import SignedBenchmark, decode

_LOOKED_AT: Final = 50
_MICRO: Final = 1e-6
_MILLI: Final = 1e-3


def speed(report: Report, model_id: str, now_ms: int) -> Figure | None:
    """Tokens a second of one answer alone, as measured last."""
    found = _newest(report, model_id)
    if found is None:
        return None
    alone = found[1].get(writing(1))
    if alone is None or alone.low is None or alone.high is None:
        return None
    return Figure(alone.low * _MILLI, alone.high * _MILLI, _source(found[0], now_ms))


def energy(report: Report, model_id: str, now_ms: int) -> Figure | None:
    """Joules for a written token: from as many answers at once as there is room for, to one alone.

    Measured is the first. One answer alone takes as much longer for a token as it is slower, and at most the same
    power. What the device draws idle is in both: less may be due to the work.
    """
    found = _newest(report, model_id)
    if found is None:
        return None
    at_ms, parts = found
    together, alone = parts.get(ENERGY), parts.get(writing(1))
    rates = [part.median for part in parts.values() if part.unit is Unit.TOKENS and _writes(part) and part.median]
    if together is None or together.low is None or together.high is None or alone is None or not alone.median:
        return None
    slower = max(rates) / alone.median
    return Figure(together.low * _MICRO, together.high * _MICRO * slower, _source(at_ms, now_ms))


def _newest(report: Report, model_id: str) -> tuple[int, dict[str, Part]] | None:
    """When that model was measured last, and what came out."""
    for run in report.benchmarks(_LOOKED_AT):
        if run.model_id == model_id and (signed := _read(run.report)) is not None:
            return run.at_ms, {part.name: part for part in signed.parts}
    return None


def _read(text: str) -> SignedBenchmark | None:
    try:
        return decode(text.encode())
    except BenchmarkInvalid:
        return None  # by a later version of Hearth


def _writes(part: Part) -> bool:
    """Whether a part is the speed of answers, and not a share of anything."""
    return part.name.startswith("write, ")


def _source(at_ms: int, now_ms: int) -> Told:
    return told("your benchmark, {age_ms} old", age_ms=max(0, now_ms - at_ms))
