"""A message bus (D-Bus), connected when first asked and again after it died. Deadlines are the asker's.

A service that is not running is never started by our asking.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from desktop.machine.presence.source import SourceFailed

if TYPE_CHECKING:  # where there is no bus, nothing is loaded to speak with it
    from dbus_fast.aio import MessageBus

SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_NOT_THERE: Final = frozenset(
    {"ServiceUnknown", "NameHasNoOwner", "UnknownObject", "UnknownMethod", "UnknownInterface"}
)


class NobodyThere(SourceFailed):
    """The bus, or the service on it, does not exist."""


@dataclass(frozen=True, slots=True)
class Service:
    """An object of a service and one of its interfaces."""

    name: str
    path: str
    interface: str


class Bus:
    """One bus by its address. Every method raises SourceFailed or OSError where there is no answer."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._one = asyncio.Lock()

    async def call(self, service: Service, method: str, signature: str = "", *arguments: object) -> list[object]:
        """What the method answers. It is the service's own word: look at it before use."""
        bus = await self._connected()
        from dbus_fast import DBusError, Message, MessageFlag, MessageType

        message = Message(
            destination=service.name,
            path=service.path,
            interface=service.interface,
            member=method,
            signature=signature,
            body=list(arguments),
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            reply = await bus.call(message)
        except (EOFError, DBusError):
            raise SourceFailed("the message bus went away") from None
        if reply is None or reply.message_type is MessageType.ERROR:
            kind = "" if reply is None else (reply.error_name or "").rpartition(".")[2]
            if kind in _NOT_THERE:
                raise NobodyThere("it is not running here")
            raise SourceFailed(f"it refuses ({kind})")
        return list(reply.body)

    async def properties(self, service: Service) -> dict[str, object]:
        """All properties of the interface."""
        properties = Service(service.name, service.path, _PROPERTIES)
        answer = await self.call(properties, "GetAll", "s", service.interface)
        from dbus_fast import Variant

        if len(answer) != 1 or not isinstance(answer[0], dict):
            raise SourceFailed("it talks nonsense")
        return {str(name): variant.value for name, variant in answer[0].items() if isinstance(variant, Variant)}

    async def property(self, service: Service, name: str) -> object:
        """The value of one property."""
        properties = Service(service.name, service.path, _PROPERTIES)
        answer = await self.call(properties, "Get", "ss", service.interface, name)
        from dbus_fast import Variant

        if len(answer) == 1 and isinstance(answer[0], Variant):
            value: object = answer[0].value
            return value
        raise SourceFailed("it talks nonsense")

    async def close(self) -> None:
        """Hang up."""
        if self._bus is not None:
            bus, self._bus = self._bus, None
            bus.disconnect()

    async def _connected(self) -> MessageBus:
        async with self._one:
            if self._bus is None or not self._bus.connected:
                if is_missing(self._address):
                    raise NobodyThere("there is no message bus")
                from dbus_fast.aio import MessageBus
                from dbus_fast.errors import AuthError, InvalidAddressError

                try:
                    self._bus = await MessageBus(self._address).connect()
                except (FileNotFoundError, ConnectionRefusedError, InvalidAddressError):
                    raise NobodyThere("there is no message bus") from None
                except AuthError:
                    raise SourceFailed("the message bus does not let us in") from None
                except EOFError:
                    raise SourceFailed("the message bus went away") from None
            return self._bus


def is_missing(address: str) -> bool:
    """Whether the address is that of a socket which is not there."""
    kind, _, path = address.partition(",")[0].partition("=")
    return kind == "unix:path" and not Path(path).exists()
