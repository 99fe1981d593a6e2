"""Putting back what was changed, by whoever comes to it first: the node, its watchdog, or the next start."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.machine.limits.journal import Entry, Journal
from desktop.machine.limits.power import Knobs, PowerRefused, same


@dataclass(frozen=True, slots=True)
class Restored:
    """What could not be put back, and why, in words."""

    left: tuple[Entry, ...] = ()
    troubles: tuple[str, ...] = ()


def restore(entry: Entry, knobs: Knobs) -> None:
    """Put back one limit, or PowerRefused. A limit that somebody else has set meanwhile is theirs and stays."""
    knob = knobs.knob(entry.kind, entry.device)
    now_uw = knob.read().now_uw
    if same(now_uw, entry.old_uw) or not any(same(now_uw, ours_uw) for ours_uw in entry.ours_uw):
        return
    try:
        knob.write(entry.old_uw)
    except PowerRefused as error:
        raise PowerRefused(
            f"{error} What was there before: {knob.command(entry.old_uw)}", rights=error.rights
        ) from error
    if not same(knob.read().now_uw, entry.old_uw):
        raise PowerRefused("The driver took the old power limit and did not keep it.")


def restore_journalled(journal: Journal, knobs: Knobs, *, owner: str | None = None) -> Restored:
    """Put back all that is journalled, or only what that owner changed; what fails stays in the journal.

    Raises StorageUnusable for a journal that cannot be read or written. Call it while `journal.busy`.
    """
    entries = journal.read()
    left = [entry for entry in entries if owner is not None and entry.owner != owner]
    failed: list[Entry] = []
    troubles: list[str] = []
    for entry in entries:
        if entry in left:
            continue
        try:
            restore(entry, knobs)
        except PowerRefused as error:
            failed.append(entry)
            troubles.append(f"{entry.device}: {error}")
    if len(left) + len(failed) < len(entries):
        journal.write([*left, *failed])
    return Restored(tuple(failed), tuple(troubles))
