"""Uptime as it is read: intervals of a window and how it was shared between states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.ledger.uptime import UNSEEN_MS, running

UP: Final = frozenset({NodeState.READY, NodeState.EARNING})
MOST_INTERVALS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """How long a window was spent in one state for one reason."""

    state: NodeState
    reason: Reason
    duration_ms: int


def intervals(db: Database, start_ms: int, end_ms: int, now_ms: int) -> list[Interval]:
    """What is known of [start, end), oldest first, clipped to it; the newest 10,000 if there are more.

    A running interval ends at `now_ms`, or where its process was last seen, if that was too long ago to be alive;
    then the rest is OFF. Nothing is made up before the first start and after now.
    """
    first = _first_start(db, start_ms)
    rows = db.execute(
        "SELECT start_ms, end_ms, state, reason, detail FROM intervals"
        " WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms DESC LIMIT ?",
        (first, end_ms, MOST_INTERVALS),
    ).fetchall()
    found = [
        Interval(start, end, NodeState(state), Reason(reason), detail) for start, end, state, reason, detail in rows
    ]
    found.reverse()
    if found and found[-1].end_ms is None:
        found[-1:] = _vouched(db, now_ms)
    clipped = [
        Interval(max(each.start_ms, start_ms), min(each.end_ms or now_ms, end_ms), each.state, each.reason, each.detail)
        for each in found
    ]
    return [each for each in clipped if each.end_ms is not None and each.start_ms < each.end_ms]


def shares(db: Database, start_ms: int, end_ms: int, now_ms: int) -> list[Share]:
    """Time per state and reason within [start, end), longest first; the sum is what is known of the window."""
    rows = db.execute(
        "SELECT state, reason, sum(min(end_ms, ?) - max(start_ms, ?)) FROM intervals"
        " WHERE start_ms >= ? AND start_ms < ? AND end_ms > ? GROUP BY state, reason",
        (end_ms, start_ms, _first_start(db, start_ms), end_ms, start_ms),
    ).fetchall()
    spent = {(NodeState(state), Reason(reason)): int(duration_ms) for state, reason, duration_ms in rows}
    for each in _vouched(db, now_ms):
        duration_ms = min(each.end_ms or now_ms, end_ms) - max(each.start_ms, start_ms)
        if duration_ms > 0:
            key = (each.state, each.reason)
            spent[key] = spent.get(key, 0) + duration_ms
    found = [Share(state, reason, duration_ms) for (state, reason), duration_ms in spent.items()]
    return sorted(found, key=lambda share: -share.duration_ms)


def current(db: Database, now_ms: int) -> Interval | None:
    """The state that lasts, OFF if its process was not seen for too long; None before the first start."""
    return next(iter(_vouched(db, now_ms)[-1:]), None)


def _first_start(db: Database, start_ms: int) -> int:
    ((first,),) = db.execute("SELECT max(start_ms) FROM intervals WHERE start_ms <= ?", (start_ms,)).fetchall()
    return start_ms if first is None else int(first)


def _vouched(db: Database, now_ms: int) -> list[Interval]:
    """The running interval up to now; two, if it stopped being vouched for."""
    last = running(db)
    if last is None:
        return []
    each = last.interval
    alive = each.state is NodeState.OFF or now_ms - last.seen_ms <= UNSEEN_MS
    if alive:
        return [Interval(each.start_ms, max(now_ms, last.seen_ms), each.state, each.reason, each.detail)]
    return [
        Interval(each.start_ms, last.seen_ms, each.state, each.reason, each.detail),
        Interval(last.seen_ms, now_ms, NodeState.OFF, Reason.ENDED_UNEXPECTEDLY),
    ]
