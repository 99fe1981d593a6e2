"""Whether a version is for this computer, now: pure, from what was signed, what is installed and what is remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from packaging.version import Version

from desktop.domain.errors import UpdateInvalid
from desktop.updates.memory import Remembered
from desktop.updates.statement import Artefact, Rollout, Statement

CLOCK_SKEW_S: Final = 24 * 3600  # a clock that is a day behind must not shut its owner out
_WHOLE: Final = 1_000_000
_PERCENT: Final = _WHOLE // 100


class Verdict(StrEnum):
    """What comes of a look."""

    CURRENT = "up to date"
    READY = "ready to install"
    WAITING = "not yet this computer's turn"
    UNWELL = "did not work here before"
    NO_INSTALLER = "no installer for this computer"


@dataclass(frozen=True, slots=True)
class Decision:
    """`artefact` is there when ready, `turn_s` (UTC seconds) when waiting, `why` when a version failed here before."""

    verdict: Verdict
    statement: Statement
    artefact: Artefact | None = None
    turn_s: int | None = None
    why: str = ""


def believe(statement: Statement, remembered: Remembered, now_s: int) -> Statement:
    """The statement, if it may be believed now. Raises UpdateInvalid for one out of date, replaced, or of tomorrow.

    A clock that was turned back makes nothing valid again: it is later than the newest statement was issued.
    """
    if statement.issued_s > now_s + CLOCK_SKEW_S:
        raise UpdateInvalid(
            "The statement is dated in the future.", now="Check the clock of this computer; it seems to be behind."
        )
    if statement.issued_s < remembered.newest_issued_s:
        raise UpdateInvalid(
            "The statement is older than one already seen.",
            why="The source shows an old state, or somebody wants to keep a version from this computer.",
        )
    if statement.expires_s <= max(now_s, remembered.newest_issued_s):
        raise UpdateInvalid(
            "The statement has expired.",
            why="The source is no longer kept up to date, or the clock of this computer is ahead.",
        )
    return statement


def newest(statements: Iterable[Statement]) -> Statement | None:
    """Of several that are believed, the one that counts."""
    return max(statements, key=lambda each: (each.issued_s, Version(each.version)), default=None)


def decide(
    statement: Statement, *, installed: str, kind: str, machine: str, remembered: Remembered, now_s: int
) -> Decision:
    """What to do about a believed statement. Nothing but a version above the installed one is ever ready."""
    version = statement.version
    if Version(version) <= Version(installed):
        return Decision(Verdict.CURRENT, statement)
    if why := remembered.unwell(version):
        return Decision(Verdict.UNWELL, statement, why=why)
    place = place_of(remembered.lot, version)
    if not place < served(statement.rollout, now_s):
        return Decision(Verdict.WAITING, statement, turn_s=turn_s(statement.rollout, place))
    artefact = statement.artefact(kind, machine)
    if artefact is None:
        return Decision(Verdict.NO_INSTALLER, statement)
    return Decision(Verdict.READY, statement, artefact)


def place_of(lot: str, version: str) -> int:
    """Where this computer stands in the queue for a version, in millionths; another place for each version."""
    return int.from_bytes(hashlib.sha256(f"{lot} {version}".encode()).digest()[:8]) % _WHOLE


def served(rollout: Rollout, now_s: int) -> int:
    """How many millionths of all computers may have it: never fewer than a moment before."""
    if now_s < rollout.start_s:
        return 0
    if now_s >= rollout.complete_s:
        return _WHOLE
    first = rollout.first_percent * _PERCENT
    return first + (_WHOLE - first) * (now_s - rollout.start_s) // (rollout.complete_s - rollout.start_s)


def turn_s(rollout: Rollout, place: int) -> int:
    """From when on a place is served, UTC seconds."""
    first = rollout.first_percent * _PERCENT
    if place < first:
        return rollout.start_s
    needed, rest = place + 1 - first, _WHOLE - first
    return rollout.start_s + -(-needed * (rollout.complete_s - rollout.start_s) // rest)
