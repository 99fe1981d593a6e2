"""systemd-logind: whose sessions there are, whether one is locked, and, as a last resort, since when it is idle.

Source: org.freedesktop.login1(5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from desktop.machine.presence.bus import Bus, Service
from desktop.machine.presence.source import SourceFailed

LOGIND: Final = "org.freedesktop.login1"
SESSION: Final = "org.freedesktop.login1.Session"
MANAGER: Final = Service(LOGIND, "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
GRAPHICAL: Final = frozenset({"x11", "wayland", "mir"})


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A graphical session of ours. `display` is the X display's name where logind was told one."""

    path: str
    kind: str
    display: str
    active: bool


async def graphical_sessions(bus: Bus, user_id: int) -> tuple[LoginSession, ...]:
    """That user's graphical sessions, the one that is in front first. Raises SourceFailed or OSError."""
    answer = await bus.call(MANAGER, "ListSessions")
    rows = answer[0] if answer and isinstance(answer[0], list) else []
    found = []
    for row in rows:
        _, owner, _, _, path = row
        if owner == user_id:
            told = await bus.properties(Service(LOGIND, path, SESSION))
            if told.get("Type") in GRAPHICAL and told.get("Class", "user") == "user" and told.get("State") != "closing":
                found.append(
                    LoginSession(path, str(told["Type"]), str(told.get("Display", "")), told.get("Active") is True)
                )
    return tuple(sorted(found, key=lambda session: not session.active))


class LoginHints:
    """What one session's desktop tells logind about it."""

    def __init__(self, bus: Bus, path: str, *, monotonic_us: Callable[[], int]) -> None:
        self._bus = bus
        self._session = Service(LOGIND, path, SESSION)
        self._monotonic_us = monotonic_us
        self._was_idle = False

    async def locked(self) -> bool:
        """Whether the session is locked, as its desktop says."""
        return await self._flag("LockedHint")

    async def idle_s(self) -> float:
        """Seconds since the desktop called the session idle, which it does minutes after the last touch.

        A desktop that never calls it idle looks the same as an owner at work; so nothing is told before it did once.
        """
        if await self._flag("IdleHint"):
            self._was_idle = True
            since_us = await self._bus.property(self._session, "IdleSinceHintMonotonic")
            if not isinstance(since_us, int):
                raise SourceFailed("it talks nonsense")
            return max(self._monotonic_us() - since_us, 0) / 1e6
        if self._was_idle:
            return 0.0
        raise SourceFailed("this desktop has not yet told it when it is idle")

    async def _flag(self, name: str) -> bool:
        value = await self._bus.property(self._session, name)
        if not isinstance(value, bool):
            raise SourceFailed("it talks nonsense")
        return value
