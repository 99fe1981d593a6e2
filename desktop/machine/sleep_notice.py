"""systemd-logind's word before and after sleep, and the few seconds that it grants before.

A delay lock holds sleep up until we let go of it, five seconds at most unless the administrator says otherwise.
Source: org.freedesktop.login1(5), "Inhibitor Locks". Where there is no logind this does nothing but look for one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from desktop.machine.presence.bus import is_missing
from desktop.machine.sleep import Prepare

if TYPE_CHECKING:  # where there is no bus, nothing is loaded to speak with it
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

PREPARE_WITHIN_S: Final = 4.0
CALL_WITHIN_S: Final = 2.0
LOOK_FOR_LOGIND_EVERY_S: Final = 60.0
_LOGIND: Final = "org.freedesktop.login1"
_MANAGER: Final = "org.freedesktop.login1.Manager"
_RULE: Final = f"type='signal',sender='{_LOGIND}',interface='{_MANAGER}',member='PrepareForSleep'"


class LogindNotice:
    """As `sleep.Notice`, from the system bus at `address`."""

    def __init__(
        self,
        address: str,
        *,
        again_after_s: float = LOOK_FOR_LOGIND_EVERY_S,
        prepare_within_s: float = PREPARE_WITHIN_S,
    ) -> None:
        self._address = address
        self._prepare_within_s = prepare_within_s
        self._again_after_s = again_after_s
        self._lock: int | None = None

    async def __call__(self, prepare: Prepare, resumed: Callable[[], None]) -> None:
        """Listen until cancelled; after the bus died, again."""
        while True:
            if not is_missing(self._address):
                await self._listen(prepare, resumed)
            await asyncio.sleep(self._again_after_s)

    async def _listen(self, prepare: Prepare, resumed: Callable[[], None]) -> None:
        from dbus_fast import DBusError
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import AuthError, InvalidAddressError

        with suppress(OSError, EOFError, DBusError, AuthError, InvalidAddressError):
            bus = await MessageBus(self._address, negotiate_unix_fd=True, auth_timeout=CALL_WITHIN_S).connect()
            try:
                await self._follow(bus, prepare, resumed)
            finally:
                self._let_go()
                bus.disconnect()

    async def _follow(self, bus: MessageBus, prepare: Prepare, resumed: Callable[[], None]) -> None:
        from dbus_fast import MessageType

        words: asyncio.Queue[bool | None] = asyncio.Queue()

        def hear(message: Message) -> None:
            if (message.message_type, message.interface) == (MessageType.SIGNAL, _MANAGER) and (
                message.member == "PrepareForSleep" and message.body in ([True], [False])
            ):
                words.put_nowait(bool(message.body[0]))

        bus.add_message_handler(hear)
        ended = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call] # the library leaves it bare

        def end(done: asyncio.Future[None]) -> None:
            if not done.cancelled():
                done.exception()  # the bus died; that it did is enough
            words.put_nowait(None)

        ended.add_done_callback(end)
        try:
            await self._call(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "AddMatch", "s", _RULE)
            await self._take_lock(bus)
            sleeping = False
            while True:
                # A bus may be there before its logind is, and then nobody gives a lock yet.
                settled = sleeping or self._lock is not None
                try:
                    async with asyncio.timeout(None if settled else self._again_after_s):
                        word = await words.get()
                except TimeoutError:
                    await self._take_lock(bus)
                    continue
                if word is None:
                    return
                sleeping = word
                if sleeping:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._prepare_within_s):
                            await prepare()
                    self._let_go()
                else:
                    resumed()
                    await self._take_lock(bus)
        finally:
            ended.cancel()

    async def _take_lock(self, bus: MessageBus) -> None:
        """Hold sleep up, from now until `_let_go`; without it we are told all the same, only without time."""
        from dbus_fast import MessageType

        self._let_go()
        why = "Requests under way are settled, and buyers are told"
        reply = await self._call(
            bus, _LOGIND, "/org/freedesktop/login1", "Inhibit", "ssss", "sleep", "Hearth", why, "delay"
        )
        if reply is not None and reply.message_type is MessageType.METHOD_RETURN and reply.unix_fds:
            self._lock = reply.unix_fds[0]

    def _let_go(self) -> None:
        if self._lock is not None:
            lock, self._lock = self._lock, None
            os.close(lock)

    async def _call(
        self, bus: MessageBus, name: str, path: str, member: str, signature: str, *arguments: str
    ) -> Message | None:
        from dbus_fast import Message

        interface = _MANAGER if name == _LOGIND else name
        message = Message(
            destination=name,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
        )
        async with asyncio.timeout(CALL_WITHIN_S):
            return await bus.call(message)
