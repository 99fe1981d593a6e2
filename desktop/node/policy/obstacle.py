"""One thing that may stand in the way of work, and what is remembered of it between two looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from desktop.domain.node_state import Reason


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What one look says of one reason not to work.

    `holds`: it is over the threshold at which work stops, once it has been so for `patience_ms`. `lingers`: it is not
    yet below the lower one at which work may go on, once it has stayed below for `calm_ms`. `clear_ms`: for how long
    the signal itself says that it is over.
    """

    reason: Reason
    holds: bool
    detail: str = ""
    lingers: bool = False
    patience_ms: int = 0
    calm_ms: int = 0
    clear_ms: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """The memory of one obstacle: how long it holds, or, once in force, how long it has been clear; None: it is not.

    The words are those of the moment it came into force: numbers that move with every look would fill the ledger.
    """

    in_force: bool = False
    detail: str = ""
    held_ms: int | None = None
    clear_ms: int | None = None


CLEAN = Trace()


def weigh(trace: Trace, seen: Obstacle, elapsed_ms: int) -> Trace:
    """The memory after one more look, `elapsed_ms` after the one before."""
    if trace.in_force:
        if seen.holds or seen.lingers:
            return replace(trace, clear_ms=None)
        clear_ms = 0 if trace.clear_ms is None else trace.clear_ms + elapsed_ms
        clear_ms = max(clear_ms, seen.clear_ms)
        return CLEAN if clear_ms >= seen.calm_ms else replace(trace, clear_ms=clear_ms)
    if not seen.holds:
        return CLEAN
    held_ms = 0 if trace.held_ms is None else trace.held_ms + elapsed_ms
    if held_ms < seen.patience_ms:
        return Trace(held_ms=held_ms)
    return Trace(in_force=True, detail=seen.detail)
