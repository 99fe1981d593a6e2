"""What desktops tell on the session's bus: GNOME and Cinnamon the idle time, those with a screen saver its state."""

from __future__ import annotations

from typing import Final

from desktop.machine.presence.bus import Bus, Service
from desktop.machine.presence.source import SourceFailed

MUTTER: Final = Service(
    "org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor"
)
MUFFIN: Final = Service(
    "org.cinnamon.Muffin.IdleMonitor", "/org/cinnamon/Muffin/IdleMonitor/Core", "org.cinnamon.Muffin.IdleMonitor"
)
FREEDESKTOP_SAVER: Final = Service(
    "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver"
)
GNOME_SAVER: Final = Service("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver")


async def monitored_idle_s(bus: Bus, monitor: Service) -> float:
    """Seconds since the last event of any device, from Mutter or its descendant."""
    return _milliseconds(await bus.call(monitor, "GetIdletime")) / 1000


async def saver_idle_s(bus: Bus) -> float:
    """Seconds since the last event, from org.freedesktop.ScreenSaver.

    KDE answers in milliseconds, an old draft of the interface says seconds. Read as milliseconds it is at worst too
    little, which keeps work away; read as seconds it could start work under the owner's hands.
    """
    return _milliseconds(await bus.call(FREEDESKTOP_SAVER, "GetSessionIdleTime")) / 1000


async def saver_active(bus: Bus, saver: Service) -> bool:
    """Whether the screen is locked or blanked."""
    answer = await bus.call(saver, "GetActive")
    if len(answer) != 1 or not isinstance(answer[0], bool):
        raise SourceFailed("it talks nonsense")
    return answer[0]


def _milliseconds(answer: list[object]) -> int:
    if len(answer) != 1 or not isinstance(answer[0], int) or answer[0] < 0:
        raise SourceFailed("it talks nonsense")
    return answer[0]
