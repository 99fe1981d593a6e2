"""What the answers of Windows mean; the questions themselves are in `windows.py`.

Sources: GetLastInputInfo, SHQueryUserNotificationState, WTSINFOEX and NLM_CONNECTION_COST in Microsoft's reference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from desktop.machine.presence.sensor import PresenceSensor, Signals, Surroundings
from desktop.machine.presence.source import Signal, Source, SourceFailed

SLOW_S: Final = 5.0
_TICKS: Final = 1 << 32
# QUERY_USER_NOTIFICATION_STATE: a program fills the screen, Direct3D does, a presentation is on.
_FILLED: Final = frozenset({2, 3, 4})
_STATES: Final = range(1, 8)
# WTSINFOEX SessionFlags, since Windows 8.
_LOCKED, _UNLOCKED = 0, 1
# NLM_CONNECTION_COST: 1 is unrestricted; fixed, variable, over the limit and roaming all cost.
_UNRESTRICTED: Final = 0x1
_COSTS: Final = 0x2 | 0x4 | 0x10000 | 0x40000


class WindowsFacts(Protocol):
    """What Windows is asked. Every call may raise OSError."""

    def session_id(self) -> int:
        """The session of this process; 0 is that of the services, where nobody ever sits."""
        ...

    def ticks_ms(self) -> int:
        """Milliseconds since the start, modulo 2^32."""
        ...

    def last_input_ticks_ms(self) -> int:
        """The same count at the last key or pointer event of this session."""
        ...

    def notification_state(self) -> int:
        """QUERY_USER_NOTIFICATION_STATE."""
        ...

    def session_flags(self) -> int:
        """WTSINFOEX SessionFlags."""
        ...

    def plugged_in(self) -> bool | None:
        """SYSTEM_POWER_STATUS: None where it is unknown."""
        ...

    def connection_cost(self) -> int:
        """NLM_CONNECTION_COST of this computer; 0 is unknown. Slow: to be called in a thread."""
        ...


class WindowsArrangement:
    """The sources of this session."""

    def __init__(self, facts: WindowsFacts, *, now_s: Callable[[], float]) -> None:
        self._facts = facts
        self.signals = Signals(
            idle_s=Signal("idle time", [Source("Windows", self.idle_s)], now_s=now_s),
            locked=Signal("screen lock", [Source("Windows", self.locked)], now_s=now_s),
            fullscreen=Signal("fullscreen program", [Source("Windows", self.fullscreen)], now_s=now_s),
            on_battery=Signal("battery", [Source("Windows", self.on_battery)], every_s=SLOW_S, now_s=now_s),
            metered=Signal("metered network", [Source("Windows", self.metered)], every_s=SLOW_S, now_s=now_s),
        )

    async def idle_s(self) -> float:
        """Seconds since the last key or pointer event. The counts start anew every 49.7 days."""
        return ((self._facts.ticks_ms() - self._facts.last_input_ticks_ms()) % _TICKS) / 1000

    async def locked(self) -> bool:
        """Whether the session is locked."""
        flags = await asyncio.to_thread(self._facts.session_flags)
        if flags not in {_LOCKED, _UNLOCKED}:
            raise SourceFailed("it does not know")
        return flags == _LOCKED

    async def fullscreen(self) -> bool:
        """Whether a program fills the screen or somebody presents."""
        state = await asyncio.to_thread(self._facts.notification_state)
        if state not in _STATES:
            raise SourceFailed("it does not know")
        return state in _FILLED

    async def on_battery(self) -> bool:
        """Whether the computer runs on its battery."""
        plugged_in = self._facts.plugged_in()
        if plugged_in is None:
            raise SourceFailed("it does not know")
        return not plugged_in

    async def metered(self) -> bool:
        """Whether the connection in use is metered."""
        cost = await asyncio.to_thread(self._facts.connection_cost)
        if cost & _COSTS:
            return True
        if cost & _UNRESTRICTED:
            return False
        raise SourceFailed("it does not know")

    async def close(self) -> None:
        """Nothing is held."""


def sensor_of(facts: WindowsFacts, *, now_s: Callable[[], float]) -> PresenceSensor:
    """The sensor over those facts."""

    async def look_around() -> Surroundings:
        try:
            session: int | None = facts.session_id()
        except OSError as error:
            return Surroundings(None, arrange, None, f"Windows: {error.strerror}")
        return Surroundings(session, arrange, session != 0)

    def arrange() -> WindowsArrangement:
        return WindowsArrangement(facts, now_s=now_s)

    async def close() -> None:
        pass

    return PresenceSensor(look_around, close=close, now_s=now_s)
