"""Linux: where the owner's session is, and what tells about it."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError("this module is for Unix-like systems")

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desktop.machine.presence import desktops
from desktop.machine.presence.bus import SYSTEM_BUS, Bus, NobodyThere, Service
from desktop.machine.presence.logind import LoginHints, graphical_sessions
from desktop.machine.presence.metering import network_metered
from desktop.machine.presence.power import POWER_SUPPLIES, supplies_on_battery, upower_on_battery
from desktop.machine.presence.sensor import PresenceSensor, Signals, Surroundings
from desktop.machine.presence.source import Signal, Source, SourceFailed
from desktop.machine.presence.wayland import WaylandIdle
from desktop.machine.presence.x11 import XDisplay

# A plug that is pulled and a network that is changed may be noticed a few seconds later.
SLOW_S: Final = 5.0
LOGIND_WITHIN_S: Final = 0.5
_USER_MANAGER: Final = Service(
    "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
)


@dataclass(frozen=True, slots=True)
class Screens:
    """How a session's screen is reached: an X display, a Wayland socket, both or neither."""

    display: str = ""
    authority: Path | None = None
    wayland: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.display or self.wayland)


@dataclass(frozen=True, slots=True)
class Place:
    """One session: its screens, and its name with logind if that knows it."""

    screens: Screens
    login: str = ""


@dataclass(slots=True)
class LinuxPresence:
    """Looks around on Linux and makes the sources. Everything of the system is given, for tests to give their own."""

    environ: Mapping[str, str]
    home: Path
    user_id: int
    power_supplies: Path = POWER_SUPPLIES
    now_s: Callable[[], float] = time.monotonic
    system_bus: Bus = field(init=False)
    session_bus: Bus = field(init=False)

    def __post_init__(self) -> None:
        runtime = self.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{self.user_id}"
        session = self.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={runtime}/bus"
        self.session_bus = Bus(session)
        self.system_bus = Bus(self.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS)

    async def look_around(self) -> Surroundings:
        """The owner's session: as the environment names it, as logind does, or as the user's systemd remembers."""
        named = self._named(self.environ)
        try:
            async with asyncio.timeout(LOGIND_WITHIN_S):
                sessions = await graphical_sessions(self.system_bus, self.user_id)
        except NobodyThere:
            return self._surroundings(Place(named), session=bool(named))
        except (SourceFailed, OSError) as error:  # a TimeoutError is an OSError
            why = "" if named else f"systemd-logind: {str(error) or 'it does not answer'}"
            return self._surroundings(Place(named), session=True if named else None, why=why)
        if not sessions:
            # A virtual screen, or one of a session that is over.
            return self._surroundings(Place(named), session=bool(named), only_if_answering=True)
        session = sessions[0]
        screens = named or self._named(await self._remembered()) or Screens(session.display, self._authority(""))
        if session.kind == "wayland" and screens.wayland is None:
            screens = Screens(screens.display, screens.authority, self._wayland_socket())
        return self._surroundings(Place(screens, session.path), session=True)

    async def close(self) -> None:
        """Hang up on both buses."""
        await self.session_bus.close()
        await self.system_bus.close()

    def _surroundings(
        self, place: Place, *, session: bool | None, why: str = "", only_if_answering: bool = False
    ) -> Surroundings:
        return Surroundings(place, lambda: LinuxArrangement(self, place), session, why, only_if_answering)

    async def _remembered(self) -> dict[str, str]:
        """The environment that the desktop gave the user's systemd, of use to a node that was started before it."""
        try:
            async with asyncio.timeout(LOGIND_WITHIN_S):
                lines = await self.session_bus.property(_USER_MANAGER, "Environment")
        except (SourceFailed, OSError):
            return {}
        pairs = (str(line).partition("=") for line in lines) if isinstance(lines, list) else ()
        return {name: value for name, _, value in pairs}

    def _named(self, environ: Mapping[str, str]) -> Screens:
        display, wayland = environ.get("DISPLAY", ""), environ.get("WAYLAND_DISPLAY", "")
        return Screens(
            display,
            self._authority(environ.get("XAUTHORITY", "")) if display else None,
            self._runtime() / wayland if wayland else None,
        )

    def _authority(self, named: str) -> Path | None:
        candidates = [Path(named)] if named else []
        candidates += [self._runtime() / "gdm" / "Xauthority", self.home / ".Xauthority"]
        return next((path for path in candidates if path.is_file()), None)

    def _wayland_socket(self) -> Path | None:
        found = sorted(path for path in self._runtime().glob("wayland-*") if path.is_socket())
        return found[0] if found else None

    def _runtime(self) -> Path:
        return Path(self.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{self.user_id}")


class LinuxArrangement:
    """The sources of one place."""

    def __init__(self, system: LinuxPresence, place: Place) -> None:
        now_s, session_bus, system_bus = system.now_s, system.session_bus, system.system_bus
        screens = place.screens
        self._display = XDisplay(screens.display, screens.authority, now_s=now_s) if screens.display else None
        self._wayland = WaylandIdle(screens.wayland, now_s=now_s) if screens.wayland is not None else None
        idle: list[Source[float]] = []
        locked: list[Source[bool]] = []
        fullscreen: list[Source[bool]] = []
        if self._wayland is not None:
            idle.append(Source("the Wayland compositor", self._wayland.idle_s))
        if screens:
            idle += [
                Source("the GNOME desktop", lambda: desktops.monitored_idle_s(session_bus, desktops.MUTTER)),
                Source("the Cinnamon desktop", lambda: desktops.monitored_idle_s(session_bus, desktops.MUFFIN)),
                Source("the desktop's screen saver", lambda: desktops.saver_idle_s(session_bus)),
            ]
            locked += [
                Source("the GNOME desktop", lambda: desktops.saver_active(session_bus, desktops.GNOME_SAVER)),
                Source(
                    "the desktop's screen saver",
                    lambda: desktops.saver_active(session_bus, desktops.FREEDESKTOP_SAVER),
                ),
            ]
        if self._display is not None:
            idle.insert(0, Source(f"the X display {screens.display}", self._display.idle_s))
            fullscreen.append(Source(f"the X display {screens.display}", self._display.fullscreen))
        if place.login:
            hints = LoginHints(system_bus, place.login, monotonic_us=lambda: time.monotonic_ns() // 1000)
            idle.append(Source("systemd-logind", hints.idle_s))
            locked.append(Source("systemd-logind", hints.locked))
        battery = [
            Source(
                "the kernel's power supplies", lambda: asyncio.to_thread(supplies_on_battery, system.power_supplies)
            ),
            Source("UPower", lambda: upower_on_battery(system_bus)),
        ]
        metered = [Source("NetworkManager", lambda: network_metered(system_bus))]
        self.signals = Signals(
            idle_s=Signal("idle time", idle, now_s=now_s),
            locked=Signal("screen lock", locked, now_s=now_s),
            fullscreen=Signal("fullscreen program", fullscreen, now_s=now_s),
            on_battery=Signal("battery", battery, every_s=SLOW_S, now_s=now_s),
            metered=Signal("metered network", metered, every_s=SLOW_S, now_s=now_s),
        )

    async def close(self) -> None:
        """Hang up on the display and the compositor; the buses belong to the system."""
        for each in (self._display, self._wayland):
            if each is not None:
                each.close()


def open_presence(environ: Mapping[str, str], home: Path) -> PresenceSensor:
    """The sensor of this user's session on this computer; `home` is the user's home folder. Nothing is asked yet."""
    system = LinuxPresence(environ, home, os.getuid())
    return PresenceSensor(system.look_around, close=system.close, now_s=system.now_s)
