"""Finding providers: every relay asked at once, what does not come in time does not count."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from desktop.domain.errors import AnnouncementInvalid, NetworkError
from desktop.network.directory.announcement import KIND, Provider
from desktop.network.directory.codec import decode
from desktop.network.directory.relays import RelayLink, Relays

_log = logging.getLogger(__name__)

_MAX_EVENTS_PER_RELAY = 500


@dataclass(frozen=True, slots=True)
class Found:
    """Who is there, newest first; what was dropped and why; how many relays answered in time."""

    providers: tuple[Provider, ...]
    dropped: tuple[str, ...]
    relays_answered: int


class Finder:
    """Asks relays for announcements. `loopback` admits providers on this machine (demos and tests)."""

    def __init__(self, relays: Relays, *, now_ms: Callable[[], int], loopback: bool = False) -> None:
        self._relays = relays
        self._now_ms = now_ms
        self._loopback = loopback

    async def find(self, deadline_s: float = 4.0) -> Found:
        """The valid and unexpired announcements: of each provider's node the newest, from whichever relay."""
        asks = [asyncio.create_task(self._ask(link)) for link in self._relays.links]
        if not asks:
            return Found((), (), 0)
        done, late = await asyncio.wait(asks, timeout=deadline_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        answers = [events for task in done if (events := task.result()) is not None]
        return self._sift({event for events in answers for event in events}, len(answers))

    async def _ask(self, link: RelayLink) -> list[str] | None:
        try:
            return await link.fetch({"kinds": [KIND]}, _MAX_EVENTS_PER_RELAY)
        except NetworkError:
            return None

    def _sift(self, events: Iterable[str], answered: int) -> Found:
        newest: dict[tuple[str, str], Provider] = {}
        dropped = []
        for event in events:
            try:
                provider = decode(event, now_s=self._now_ms() // 1000, loopback=self._loopback)
            except AnnouncementInvalid as invalid:
                dropped.append(invalid.why)
                continue
            key = (provider.public_key, provider.announcement.identifier)
            known = newest.get(key)
            # Of one second the lowest id stands (NIP-01).
            if known is None or (-provider.announced_at_ms, provider.event_id) < (
                -known.announced_at_ms,
                known.event_id,
            ):
                newest[key] = provider
        if dropped:
            _log.debug("dropped %d announcements", len(dropped))
        ordered = sorted(newest.values(), key=lambda p: (-p.announced_at_ms, p.event_id))
        return Found(tuple(ordered), tuple(dropped), answered)
