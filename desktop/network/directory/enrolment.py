"""Being on the list: announced on every relay, refreshed before it lapses, withdrawn at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from nostr_sdk import Event

from desktop.domain.errors import EnrolmentFailed, NetworkError
from desktop.network.directory.announcement import KIND, Announcement
from desktop.network.directory.codec import encode
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import RelayLink, Relays

_DELETION_KIND = 5
_ENOUGH_RELAYS = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Which relays hold our announcement now, read back and equal, and whether they are enough."""

    accepted: tuple[str, ...]
    needed: int

    @property
    def enrolled(self) -> bool:
        """On enough relays: two, or the only one configured."""
        return self.needed > 0 and len(self.accepted) >= self.needed


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between refreshes, and the life of an announcement nobody refreshes any more.

    A relay that is connected and does not keep it is given a new one after `retry_s`, then after twice that, and so
    on; the next heartbeat asks anew in any case.
    """

    heartbeat_s: float = 60.0
    lifetime_s: int = 240
    retry_s: float = 1.0


class Enrolment:
    """Keeps an announcement on all relays while the context is open, and withdraws it on the way out.

    `on_change` is called in the event loop with every new standing. A relay counts while it is connected and gave back
    the announcement it took; one that was lost counts again after it has been asked again.
    """

    def __init__(
        self,
        relays: Relays,
        identity: NostrIdentity,
        announcement: Announcement,
        *,
        now_ms: Callable[[], int],
        rhythm: Rhythm | None = None,
        on_change: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        self._relays = relays
        self._identity = identity
        self._announcement = announcement
        self._now_ms = now_ms
        self._rhythm = rhythm or Rhythm()
        self._on_change = on_change
        self._accepted: dict[str, Event] = {}
        self._signed_at_s = 0
        self._event = self._sign()
        self._fresh = asyncio.Event()
        self._wakes: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._enrolled = asyncio.Event()

    @property
    def standing(self) -> Standing:
        """Where we stand now."""
        accepted = tuple(link.url for link in self._relays.links if link.url in self._accepted)
        return Standing(accepted, min(_ENOUGH_RELAYS, len(self._relays.links)))

    async def __aenter__(self) -> Self:
        for link in self._relays.links:
            wake = asyncio.Event()
            link.listen(wake.set)
            self._wakes.append(wake)
            self._tasks.append(asyncio.create_task(self._tend(link, wake)))
        self._tasks.append(asyncio.create_task(self._beat()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.withdraw()

    async def wait_enrolled(self, timeout_s: float) -> Standing:
        """Wait until enough relays hold the announcement. Raises EnrolmentFailed after the deadline."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._enrolled.wait()
        except TimeoutError:
            standing = self.standing
            troubles = "; ".join(f"{s.url}: {s.trouble}" for s in self._relays.states() if s.trouble)
            raise EnrolmentFailed(
                f"{len(standing.accepted)} of {standing.needed} relays took the announcement.",
                why=troubles,
                now="Check the internet connection, or configure other relays.",
            ) from None
        return self.standing

    def announce(self, announcement: Announcement) -> None:
        """Say something else from now on, for instance because the offers changed."""
        if announcement != self._announcement:
            self._announcement = announcement
            self._fresh.set()

    async def withdraw(self, deadline_s: float = 3.0) -> tuple[str, ...]:
        """Stop announcing and ask relays to delete (NIP-09). Returns those that took the request in time.

        A relay that cannot be asked forgets by itself when the announcement expires.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        # Not later than it must be: it also covers what the next start announces up to that second.
        second = max(self._now_ms() // 1000, self._signed_at_s)
        request = self._identity.sign(_DELETION_KIND, "", self._deletion_tags(), second)
        asked = [link for link in self._relays.links if link.state.connected]
        took: list[str] = []

        async def ask(link: RelayLink) -> None:
            try:
                await link.publish(request)
            except NetworkError:
                return
            took.append(link.url)

        requests = [asyncio.create_task(ask(link)) for link in asked]
        if requests:
            _, late = await asyncio.wait(requests, timeout=deadline_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._accepted.clear()
        self._note()
        return tuple(took)

    def _deletion_tags(self) -> list[list[str]]:
        events = {event.id().to_hex() for event in (*self._accepted.values(), self._event)}
        address = f"{KIND}:{self._identity.public_key}:{self._announcement.identifier}"
        return [*(["e", event] for event in sorted(events)), ["a", address], ["k", str(KIND)]]

    def _next_second(self) -> int:
        """Now, but later than anything signed before: of two events of one second relays may keep the wrong one."""
        self._signed_at_s = max(self._now_ms() // 1000, self._signed_at_s + 1)
        return self._signed_at_s

    def _sign(self) -> Event:
        second = self._next_second()
        return encode(
            self._announcement, self._identity, created_at_s=second, expires_at_s=second + self._rhythm.lifetime_s
        )

    async def _beat(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._rhythm.heartbeat_s):
                    await self._fresh.wait()
            except TimeoutError:
                pass  # time to refresh what has not changed
            self._fresh.clear()
            self._event = self._sign()
            for wake in self._wakes:
                wake.set()

    async def _tend(self, link: RelayLink, wake: asyncio.Event) -> None:
        """Keep one relay up to date, whatever the others do."""
        failures = 0
        while True:
            wake.clear()
            event, retry_s = self._event, None
            if not link.state.connected:
                self._forget(link)
            elif self._accepted.get(link.url) is not event:
                try:
                    await link.publish(event)
                    await self._read_back(link, event)
                except NetworkError:
                    self._forget(link)
                    retry_s = self._rhythm.retry_s * 2.0 ** min(failures, 10)
                    failures += 1
                else:
                    failures = 0
                    self._accepted[link.url] = event
                    self._note()
            try:
                async with asyncio.timeout(retry_s):
                    await wake.wait()
            except TimeoutError:
                # Signed anew: what was withdrawn a moment ago covers events up to its second, this one perhaps too.
                self._fresh.set()
                await wake.wait()

    async def _read_back(self, link: RelayLink, event: Event) -> None:
        ours = {
            "kinds": [KIND],
            "authors": [self._identity.public_key],
            "#d": [self._announcement.identifier],
        }
        stored = await link.fetch(ours, max_events=4)
        if event.as_json() not in stored:
            raise NetworkError(f"The relay {link.url} did not keep the announcement.")

    def _forget(self, link: RelayLink) -> None:
        if self._accepted.pop(link.url, None) is not None:
            self._note()

    def _note(self) -> None:
        standing = self.standing
        if standing.enrolled:
            self._enrolled.set()
        else:
            self._enrolled.clear()
        self._on_change(standing)
