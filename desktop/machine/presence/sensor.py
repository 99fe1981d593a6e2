"""The one face of this package: a look at the owner's session that never raises and never waits long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, Protocol

from desktop.domain.presence import Presence
from desktop.machine.presence.source import Origin, Signal

# People log in and out: how often it is asked whose session this is.
LOOK_AROUND_EVERY_S: Final = 5.0
LOOK_AROUND_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Signals:
    """Every signal of one session."""

    idle_s: Signal[float]
    locked: Signal[bool]
    fullscreen: Signal[bool]
    on_battery: Signal[bool]
    metered: Signal[bool]

    @property
    def all(self) -> tuple[Signal[float] | Signal[bool], ...]:
        """In the order in which they are told."""
        return (self.idle_s, self.locked, self.fullscreen, self.on_battery, self.metered)


class Arrangement(Protocol):
    """The sources made for one place."""

    @property
    def signals(self) -> Signals:
        """What can be read."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the owner would sit.

    `place` says where in a form that can be compared; when it is another, `arrange` makes its sources. `session` is
    None where nobody could be asked. With `only_if_answering` there is a session only while its screen answers: a
    screen that is named to us, but belongs to nobody who is logged in.
    """

    place: object
    arrange: Callable[[], Arrangement] = field(compare=False)
    session: bool | None
    why: str = ""
    only_if_answering: bool = False


class PresenceSensor:
    """Looks at the owner's session; made by `open_presence`.

    `look_around` finds the session and raises nothing. One read at a time; a second waits.
    """

    def __init__(
        self,
        look_around: Callable[[], Coroutine[None, None, Surroundings]],
        *,
        close: Callable[[], Awaitable[None]],
        now_s: Callable[[], float],
    ) -> None:
        self._look_around = look_around
        self._close = close
        self._now_s = now_s
        self._around: Surroundings | None = None
        self._looked_at_s = float("-inf")
        self._arrangement: Arrangement | None = None
        self._look: asyncio.Task[Surroundings] | None = None
        self._session = True
        self._one = asyncio.Lock()

    async def read(self) -> Presence:
        """The owner's session now. Never raises; a source that hangs delays one read by its deadline, then rests."""
        async with self._one:
            around = await self._surroundings()
            if around is None or self._arrangement is None:
                return Presence(session=True)
            signals = self._arrangement.signals
            due = [signal.read() for signal in signals.all if signal.due]
            await asyncio.gather(*due)
            answering = signals.idle_s.value is not None
            self._session = around.session is not False and (answering or not around.only_if_answering)
            if not self._session:
                return Presence(session=False, on_battery=signals.on_battery.value, metered=signals.metered.value)
            return Presence(
                session=True,
                idle_s=signals.idle_s.value,
                locked=signals.locked.value,
                fullscreen=signals.fullscreen.value,
                on_battery=signals.on_battery.value,
                metered=signals.metered.value,
            )

    def describe(self) -> tuple[Origin, ...]:
        """For the doctor: where each signal came from at the last read, or why it is unknown."""
        if self._around is None or self._arrangement is None:
            return (Origin("session", "", "not looked at yet"),)
        session = Origin("session", "" if self._around.session is None else self._words(), self._around.why)
        return (session, *(signal.origin() for signal in self._arrangement.signals.all))

    async def close(self) -> None:
        """Let go of every connection."""
        async with self._one:
            if self._look is not None:
                self._look.cancel()
                await asyncio.gather(self._look, return_exceptions=True)
                self._look = None
            if self._arrangement is not None:
                await self._arrangement.close()
                self._arrangement = None
            await self._close()

    def _words(self) -> str:
        return "somebody can sit at this computer" if self._session else "nobody can sit at this computer"

    async def _surroundings(self) -> Surroundings | None:
        """What is known; looked after in the background, so that only the first read of all waits for it."""
        if self._now_s() - self._looked_at_s >= LOOK_AROUND_EVERY_S and (self._look is None or self._look.done()):
            self._looked_at_s = self._now_s()
            self._look = asyncio.create_task(self._look_around(), name="presence")
            if self._around is None:
                await asyncio.wait({self._look}, timeout=LOOK_AROUND_WITHIN_S)
        if self._look is not None and self._look.done():
            around, self._look = self._look.result(), None
            if self._around is None or around.place != self._around.place or self._arrangement is None:
                if self._arrangement is not None:
                    await self._arrangement.close()
                self._arrangement = around.arrange()
            self._around = around
        return self._around
