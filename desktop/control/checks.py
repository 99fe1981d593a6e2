"""What the doctor found, in the door's words."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.control.answers import CheckSheet
from desktop.domain.check import Check
from desktop.network.directory.relays import RelayState


def check_sheet(check: Check) -> CheckSheet:
    """A check in the door's words; a remedy is told only where it is needed."""
    return CheckSheet(
        name=check.name,
        passed=check.ok,
        value=check.value,
        threshold=check.threshold,
        remedy="" if check.ok else check.remedy,
        subject=check.subject,
        values=dict(check.values),
    )


def relay_check(states: Sequence[RelayState], needed: int) -> CheckSheet:
    """Whether enough of the relays of a running node answer; one that was not asked yet is no failure."""
    up = sum(state.connected for state in states)
    passed = not states or up >= max(needed, 1)
    return CheckSheet(
        name="relays",
        passed=passed,
        value="{up} of {count} answer" if states else "not asked yet",
        threshold="{needed} that answer",
        remedy="" if passed else "Check the internet connection, or choose another relay.",
        values={"up": up, "count": len(states), "needed": max(needed, 1)},
    )
