"""What stands in the way of all work on this computer: its owner, and what power and network it is on.

These act at the first look. A presence that cannot be read counts as somebody there. What is not known about power,
network or screen stops nothing: most computers have no battery to ask, and not every desktop tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from desktop.domain.node_state import Reason
from desktop.domain.presence import Presence
from desktop.domain.schedule import Permission
from desktop.node.policy.obstacle import Obstacle
from desktop.node.policy.terms import Terms

_MS: Final = 1000
_MINUTE_S: Final = 60


def obstacles(presence: Presence, permission: Permission, terms: Terms) -> Iterator[Obstacle]:
    """What applies now, the strongest first. What the owner has allowed is not looked at."""
    yield Obstacle(Reason.SCHEDULE, permission is Permission.NEVER, "Your schedule does not allow work in this hour.")
    if not terms.work_on_battery:
        yield Obstacle(
            Reason.ON_BATTERY,
            presence.on_battery is True,
            "The computer runs on battery; you allow work on mains power only.",
            calm_ms=terms.calm_ms,
        )
    if not terms.work_on_metered:
        yield Obstacle(
            Reason.METERED,
            presence.metered is True,
            "The network is metered; you allow work on others only.",
            calm_ms=terms.calm_ms,
        )
    if terms.pause_for_fullscreen:
        # A locked screen is filled by its lock.
        filled = presence.session and presence.fullscreen is True and presence.locked is not True
        yield Obstacle(Reason.FULLSCREEN, filled, "A program fills the screen.", calm_ms=terms.calm_ms)
    if permission is not Permission.ALWAYS:
        yield from _presence(presence, terms)


def _presence(presence: Presence, terms: Terms) -> Iterator[Obstacle]:
    away = not presence.session or presence.locked is True
    unknown = not away and presence.idle_s is None
    active = not away and presence.idle_s is not None and presence.idle_s < terms.idle_after_s
    # Who has not touched a key for long enough has been calm for as long.
    clear_ms = terms.calm_ms if not presence.session else int((presence.idle_s or 0) * _MS)
    yield Obstacle(
        Reason.OWNER_ACTIVE,
        active,
        f"You count as away after {_length(terms.idle_after_s)} without a key or a click.",
        # Idle for long enough is calm enough; a lock is only the beginning of it.
        calm_ms=terms.calm_ms if away else 0,
        clear_ms=clear_ms,
    )
    yield Obstacle(
        Reason.PRESENCE_UNKNOWN,
        unknown,
        "This session does not tell when you last used it.",
        calm_ms=terms.calm_ms if away else 0,
        clear_ms=clear_ms,
    )


def _length(seconds: int) -> str:
    if seconds and seconds % _MINUTE_S == 0:
        minutes = seconds // _MINUTE_S
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"{seconds} seconds"
