"""Services of a desktop and of a system on a bus of the test's own: what presence and sleep are read from."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from dbus_fast import DBusError, Message, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusSignature, DBusStr, DBusUInt32, DBusUInt64, DBusUnixFd
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

Rows = Annotated[list[tuple[str, int, str, str, str]], DBusSignature("a(susso)")]
Strings = Annotated[list[str], DBusSignature("as")]
SESSION_PATH = "/org/freedesktop/login1/session/_31"


class IdleMonitor(ServiceInterface):
    """Mutter's, or Cinnamon's."""

    def __init__(self, name: str = "org.gnome.Mutter.IdleMonitor") -> None:
        super().__init__(name)
        self.idle_ms = 0
        self.refuses = False

    @dbus_method()
    def GetIdletime(self) -> DBusUInt64:  # noqa: N802 - the interface's own name
        if self.refuses:
            raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")
        return self.idle_ms


class ScreenSaver(ServiceInterface):
    """The desktop's screen saver."""

    def __init__(self, name: str = "org.freedesktop.ScreenSaver") -> None:
        super().__init__(name)
        self.active = False
        self.idle_ms = 0

    @dbus_method()
    def GetActive(self) -> DBusBool:  # noqa: N802 - as above
        return self.active

    @dbus_method()
    def GetSessionIdleTime(self) -> DBusUInt32:  # noqa: N802 - as above
        return self.idle_ms


class LogindManager(ServiceInterface):
    """systemd-logind."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.rows: list[list[object]] = []
        self.locks: list[int] = []
        self.refuses_locks = False
        self.asked_for_locks = 0
        self._sent: list[int] = []

    @dbus_method()
    def ListSessions(self) -> Rows:  # noqa: N802 - as above
        return self.rows  # type: ignore[return-value] # on the wire a structure is a list

    @dbus_method()
    def Inhibit(self, what: DBusStr, who: DBusStr, why: DBusStr, mode: DBusStr) -> DBusUnixFd:  # noqa: N802 - as above
        self.asked_for_locks += 1
        if self.refuses_locks:
            raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")
        assert (what, mode) == ("sleep", "delay")
        assert who
        assert why
        reading, writing = os.pipe()
        self.locks.append(reading)
        self._sent.append(writing)
        return writing

    @dbus_signal()
    def PrepareForSleep(self, start: bool) -> DBusBool:  # noqa: N802, FBT001 - as above
        return start

    def close_locks(self) -> None:
        """Let go of this end of all locks."""
        self._close_sent()
        for lock in self.locks:
            os.close(lock)
        self.locks.clear()

    def _close_sent(self) -> None:
        for copy in self._sent:
            os.close(copy)
        self._sent.clear()

    def held(self, lock: int) -> bool:
        """Whether somebody still holds the other end of that lock, which must have arrived there."""
        self._close_sent()
        os.set_blocking(lock, False)
        try:
            return os.read(lock, 1) != b""
        except BlockingIOError:
            return True


class LoginSession(ServiceInterface):
    """One session of logind."""

    def __init__(self, kind: str = "x11", display: str = "") -> None:
        super().__init__("org.freedesktop.login1.Session")
        self.kind = kind
        self.display = display
        self.locked = False
        self.idle = False
        self.idle_since_us = 0

    @dbus_property(PropertyAccess.READ)
    def Type(self) -> DBusStr:  # noqa: N802 - as above
        return self.kind

    @dbus_property(PropertyAccess.READ)
    def Class(self) -> DBusStr:  # noqa: N802 - as above
        return "user"

    @dbus_property(PropertyAccess.READ)
    def State(self) -> DBusStr:  # noqa: N802 - as above
        return "active"

    @dbus_property(PropertyAccess.READ)
    def Active(self) -> DBusBool:  # noqa: N802 - as above
        return True

    @dbus_property(PropertyAccess.READ)
    def Display(self) -> DBusStr:  # noqa: N802 - as above
        return self.display

    @dbus_property(PropertyAccess.READ)
    def LockedHint(self) -> DBusBool:  # noqa: N802 - as above
        return self.locked

    @dbus_property(PropertyAccess.READ)
    def IdleHint(self) -> DBusBool:  # noqa: N802 - as above
        return self.idle

    @dbus_property(PropertyAccess.READ)
    def IdleSinceHintMonotonic(self) -> DBusUInt64:  # noqa: N802 - as above
        return self.idle_since_us


class UPower(ServiceInterface):
    """What knows of batteries."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.UPower")
        self.on_battery = False

    @dbus_property(PropertyAccess.READ)
    def OnBattery(self) -> DBusBool:  # noqa: N802 - as above
        return self.on_battery


class NetworkManager(ServiceInterface):
    """What knows of connections."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.NetworkManager")
        self.metered = 0

    @dbus_property(PropertyAccess.READ)
    def Metered(self) -> DBusUInt32:  # noqa: N802 - as above
        return self.metered


class UserManager(ServiceInterface):
    """The user's systemd."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.systemd1.Manager")
        self.environment: list[str] = []

    @dbus_property(PropertyAccess.READ)
    def Environment(self) -> Strings:  # noqa: N802 - as above
        return self.environment


PLACES: dict[str, tuple[str, str]] = {
    "org.gnome.Mutter.IdleMonitor": ("org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core"),
    "org.cinnamon.Muffin.IdleMonitor": ("org.cinnamon.Muffin.IdleMonitor", "/org/cinnamon/Muffin/IdleMonitor/Core"),
    "org.freedesktop.ScreenSaver": ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    "org.gnome.ScreenSaver": ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    "org.freedesktop.login1.Manager": ("org.freedesktop.login1", "/org/freedesktop/login1"),
    "org.freedesktop.login1.Session": ("org.freedesktop.login1", SESSION_PATH),
    "org.freedesktop.UPower": ("org.freedesktop.UPower", "/org/freedesktop/UPower"),
    "org.freedesktop.NetworkManager": ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"),
    "org.freedesktop.systemd1.Manager": ("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
}


class Host:
    """One connection on which services stand."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.mute = False
        bus.add_message_handler(self._swallows)

    async def offer(self, *services: ServiceInterface) -> None:
        """Stand there under the usual name and path."""
        for service in services:
            name, path = PLACES[service.name]
            self._bus.export(path, service)
            await self._bus.request_name(name)

    async def withdraw(self, service: ServiceInterface) -> None:
        """Leave."""
        name, path = PLACES[service.name]
        self._bus.unexport(path, service)
        await self._bus.release_name(name)

    def _swallows(self, message: Message) -> bool:
        """While mute: questions come in, and no answer ever goes out."""
        return self.mute and message.member is not None and message.interface != "org.freedesktop.DBus"


@asynccontextmanager
async def host_on(address: str) -> AsyncIterator[Host]:
    """A host on that bus."""
    bus = await MessageBus(address, negotiate_unix_fd=True).connect()
    try:
        yield Host(bus)
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # the library leaves it bare
