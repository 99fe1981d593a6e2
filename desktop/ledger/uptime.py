"""Every minute of the node's life: intervals that follow each other without a hole.

While the node runs it tells `alive` at least once a minute. Time nobody vouched for (a killed process, a sleeping
computer) becomes an OFF interval, so uptime is never better than what was seen.

The clock may go backwards; recorded time does not. Until the clock has caught up, changes of state replace the
running interval's state in place. Not covered: a clock that was years ahead holds the timeline still until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database

from desktop.domain.node_state import Interval, NodeState, Reason

UNSEEN_MS: Final = 180_000  # three missed heartbeats: the node was not there


@dataclass(frozen=True, slots=True)
class Running:
    """The interval that lasts, and until when it is vouched for."""

    interval: Interval
    seen_ms: int


def running(db: Database) -> Running | None:
    """The interval that lasts; None before the first start."""
    row = db.execute("SELECT start_ms, state, reason, detail FROM intervals WHERE end_ms IS NULL").fetchone()
    if row is None:
        return None
    start_ms, state, reason, detail = row
    beat = db.execute("SELECT at_ms FROM heartbeat").fetchone()
    interval = Interval(start_ms, None, NodeState(state), Reason(reason), detail)
    return Running(interval, max(start_ms, beat[0] if beat else start_ms))


def begin(db: Database, following: Interval, *, fresh_process: bool) -> None:
    """End the running interval and begin `following` at its start.

    `fresh_process` says that whoever wrote the running interval is gone: unless it ended in OFF, it was killed, and
    the time since its last heartbeat was OFF.
    """
    at_ms = following.start_ms
    last = running(db)
    if last is not None:
        at_ms = max(at_ms, last.seen_ms)
        if last.interval.state is not NodeState.OFF:
            if fresh_process:
                _switch(db, Interval(last.seen_ms, None, NodeState.OFF, Reason.ENDED_UNEXPECTEDLY))
            elif at_ms - last.seen_ms > UNSEEN_MS:
                _switch(db, Interval(last.seen_ms, None, NodeState.OFF, Reason.ASLEEP))
    _switch(db, Interval(at_ms, None, following.state, following.reason, following.detail))
    _beat(db, at_ms)


def beat(db: Database, at_ms: int) -> None:
    """Vouch for the running interval until now. After a long silence, the silence was sleep."""
    last = running(db)
    if last is None or at_ms <= last.seen_ms:
        return
    interval = last.interval
    if interval.state is not NodeState.OFF and at_ms - last.seen_ms > UNSEEN_MS:
        _switch(db, Interval(last.seen_ms, None, NodeState.OFF, Reason.ASLEEP))
        _switch(db, Interval(at_ms, None, interval.state, interval.reason, interval.detail))
    _beat(db, at_ms)


def sleep(db: Database, start_ms: int, end_ms: int) -> None:
    """The computer slept in [start, end): whatever ran is OFF meanwhile. What is written down already stays."""
    last = running(db)
    if last is None or last.interval.state is NodeState.OFF:
        return
    start_ms, interval = max(start_ms, last.seen_ms), last.interval
    if start_ms >= end_ms:
        return
    _switch(db, Interval(start_ms, None, NodeState.OFF, Reason.ASLEEP))
    _switch(db, Interval(end_ms, None, interval.state, interval.reason, interval.detail))
    _beat(db, end_ms)


def _switch(db: Database, following: Interval) -> None:
    last = running(db)
    state, reason, detail = following.state.value, following.reason.value, following.detail
    if last is not None and following.start_ms <= last.interval.start_ms:
        db.execute(
            "UPDATE intervals SET state = ?, reason = ?, detail = ? WHERE end_ms IS NULL", (state, reason, detail)
        )
        return
    if last is not None:
        same = (last.interval.state, last.interval.reason, last.interval.detail)
        if same == (following.state, following.reason, following.detail):
            return
        db.execute("UPDATE intervals SET end_ms = ? WHERE end_ms IS NULL", (following.start_ms,))
    db.execute(
        "INSERT INTO intervals (start_ms, state, reason, detail) VALUES (?, ?, ?, ?)",
        (following.start_ms, state, reason, detail),
    )


def _beat(db: Database, at_ms: int) -> None:
    db.execute(
        "INSERT INTO heartbeat (only, at_ms) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET at_ms = excluded.at_ms",
        (at_ms,),
    )
