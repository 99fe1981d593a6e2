"""Whether the owner is there, as far as the system tells. What is not known is None."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """One look at the owner's session.

    `session` is False where nobody can sit at a screen of this computer (no display, a server): then the owner is
    away, and the rest says nothing. `idle_s` is the time since the last key or pointer event.
    """

    session: bool
    idle_s: float | None = None
    locked: bool | None = None
    fullscreen: bool | None = None
    on_battery: bool | None = None
    metered: bool | None = None
