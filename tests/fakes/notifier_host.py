"""A panel that shows StatusNotifier items, as KDE's and GNOME's do: what it sees and what it clicks.

Written after the freedesktop StatusNotifierItem and the com.canonical.dbusmenu interfaces.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusInt32, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

NAME = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
Strings = Annotated[list[str], DBusSignature("as")]


@dataclass(frozen=True)
class Entry:
    """A menu entry as the panel shows it."""

    id: int
    label: str
    enabled: bool
    visible: bool


class Watcher(ServiceInterface):
    """Where items sign in."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.items: list[str] = []

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:  # noqa: N802 - the interface's own name
        self.items.append(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> None:  # noqa: N802 - as above
        pass

    @dbus_property(PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> Strings:  # noqa: N802 - as above
        return self.items

    @dbus_property(PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:  # noqa: N802 - as above
        return True

    @dbus_property(PropertyAccess.READ)
    def ProtocolVersion(self) -> DBusInt32:  # noqa: N802 - as above
        return 0

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> None:  # noqa: N802 - as above
        pass


class Panel:
    """What a person sees of the one item, and does with it."""

    def __init__(self, bus: MessageBus, watcher: Watcher) -> None:
        self._bus = bus
        self._watcher = watcher

    @property
    def items(self) -> int:
        """How many icons have signed in so far; the last one is seen."""
        return len(self._watcher.items)

    async def tooltip(self) -> str:
        """Title and text of the tooltip."""
        (properties,) = await self._call(
            "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "GetAll", "s", [ITEM]
        )
        _, _, title, text = properties["ToolTip"].value
        return f"{title}\n{text}".strip()

    async def icon(self) -> bytes:
        """The pixels of the smallest icon."""
        (pixels,) = await self._call(
            "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss", [ITEM, "IconPixmap"]
        )
        return bytes(min(pixels.value, key=lambda each: int(each[0]))[2])

    async def click(self) -> None:
        """The left button."""
        await self._call("/StatusNotifierItem", ITEM, "Activate", "ii", [10, 10])

    async def menu(self) -> list[Entry]:
        """Every entry, those of submenus too, in order."""
        path = await self._menu_path()
        # Panels announce a menu before they show it; Qt fills it then.
        await self._call(path, MENU, "AboutToShow", "i", [0])
        _, root = await self._call(path, MENU, "GetLayout", "iias", [0, -1, []])
        return _entries(root)

    async def choose(self, label: str) -> None:
        """Click an entry."""
        entry = next(each for each in await self.menu() if each.label == label)
        assert entry.enabled
        await self._call(await self._menu_path(), MENU, "Event", "isvu", [entry.id, "clicked", Variant("s", ""), 0])

    async def _menu_path(self) -> str:
        (path,) = await self._call(
            "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss", [ITEM, "Menu"]
        )
        return str(path.value)

    async def _call(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> list[Any]:
        message = Message(
            destination=self._watcher.items[-1],
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        reply = await self._bus.call(message)
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return list(reply.body)


def _entries(node: list[Any]) -> list[Entry]:
    number, properties, children = node
    label = properties["label"].value.replace("_", "") if "label" in properties else ""
    own = []
    if label:
        enabled = properties["enabled"].value if "enabled" in properties else True
        visible = properties["visible"].value if "visible" in properties else True
        own = [Entry(number, label, enabled, visible)]
    return own + [entry for child in children for entry in _entries(child.value)]


@asynccontextmanager
async def panel(address: str) -> AsyncIterator[Panel]:
    """A panel on that bus."""
    bus = await MessageBus(address).connect()
    watcher = Watcher()
    bus.export("/StatusNotifierWatcher", watcher)
    await bus.request_name(NAME)
    watcher.StatusNotifierHostRegistered()
    try:
        yield Panel(bus, watcher)
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # the library leaves it bare
