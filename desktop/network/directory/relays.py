"""Connections to Nostr relays: each on its own, so that a dead one delays nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from nostr_sdk import (
    Client,
    ClientBuilder,
    Event,
    Filter,
    NostrSdkError,
    Relay,
    RelayLimits,
    RelayOptions,
    RelayStatus,
    RelayUrl,
)

from desktop.domain.errors import NetworkError, SettingsError
from desktop.domain.rhythm import until_beat
from desktop.network.directory.codec import MAX_EVENT_BYTES


@dataclass(frozen=True, slots=True)
class RelayState:
    """One relay as the owner sees it. `failures` counts in a row; times are UTC milliseconds."""

    url: str
    connected: bool
    since_ms: int
    failures: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long relays are waited for, in seconds."""

    connect_s: float = 8.0
    answer_s: float = 5.0
    first_retry_s: float = 1.0
    last_retry_s: float = 300.0
    stable_s: float = 30.0
    look_s: float = 1.0

    def retry_after_s(self, failures: int, chance: float) -> float:
        """Doubling from the first to the last retry; `chance` (0 … 1) spreads nodes that lost a relay together."""
        full = min(self.last_retry_s, self.first_retry_s * 2.0 ** min(failures - 1, 30))
        return full * (0.5 + chance / 2)


class RelayLink:
    """One relay: connected to whenever it can be, for as long as `run` runs."""

    def __init__(
        self, relay: Relay, *, now_ms: Callable[[], int], patience: Patience, chance: Callable[[], float]
    ) -> None:
        self.url = str(relay.url())
        self._relay = relay
        self._now_ms = now_ms
        self._patience = patience
        self._chance = chance
        self._listeners: list[Callable[[], None]] = []
        self._up = asyncio.Event()
        self._state = RelayState(self.url, connected=False, since_ms=now_ms(), failures=0, trouble="")

    @property
    def state(self) -> RelayState:
        """How it stands."""
        return self._state

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` in the event loop whenever the connection came or went."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Connect, notice the end, connect again with growing pauses. Ends only by cancellation."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            trouble = await self._connect()
            if not trouble:
                started = loop.time()
                self._change(connected=True, failures=0, trouble="")
                while self._relay.status() == RelayStatus.CONNECTED:  # noqa: ASYNC110 - the library offers no event to wait for
                    await asyncio.sleep(until_beat(loop.time(), self._patience.look_s))
                trouble = "the relay closed the connection"
                if loop.time() - started >= self._patience.stable_s:
                    failures = 0
            failures += 1
            self._change(connected=False, failures=failures, trouble=trouble)
            await asyncio.sleep(self._patience.retry_after_s(failures, self._chance()))

    async def publish(self, event: Event) -> None:
        """Have the relay take the event. Raises NetworkError with its reason, within the deadlines."""
        await self._wait_up()
        try:
            async with asyncio.timeout(self._patience.answer_s + 1):
                await self._relay.send_event(event, ok_timeout=timedelta(seconds=self._patience.answer_s))
        except TimeoutError:
            raise _trouble(self.url, "it did not answer in time") from None
        except NostrSdkError as error:
            raise _trouble(self.url, _reason(error)) from None

    async def fetch(self, wanted: Mapping[str, object], max_events: int) -> list[str]:
        """Stored events that match a filter (NIP-01), as JSON, at most that many. Raises NetworkError."""
        criteria = Filter.from_json(json.dumps({**wanted, "limit": max_events}))
        await self._wait_up()
        try:
            async with asyncio.timeout(self._patience.answer_s + 1):
                events = await self._relay.fetch_events(
                    criteria, timeout=timedelta(seconds=self._patience.answer_s), max_events=max_events
                )
        except TimeoutError:
            raise _trouble(self.url, "it did not answer in time") from None
        except NostrSdkError as error:
            raise _trouble(self.url, _reason(error)) from None
        return [event.as_json() for event in events[:max_events]]

    async def _wait_up(self) -> None:
        if self._state.failures and not self._state.connected:
            raise _trouble(self.url, self._state.trouble)
        try:
            async with asyncio.timeout(self._patience.connect_s):
                await self._up.wait()
        except TimeoutError:
            raise _trouble(self.url, self._state.trouble or "it did not answer in time") from None

    async def _connect(self) -> str:
        """Empty, or the reason why not."""
        try:
            async with asyncio.timeout(self._patience.connect_s + 1):
                await self._relay.try_connect(timedelta(seconds=self._patience.connect_s))
        except TimeoutError:
            return "it did not answer in time"
        except NostrSdkError as error:
            return _reason(error)
        return "" if self._relay.status() == RelayStatus.CONNECTED else "it did not connect"

    def _change(self, *, connected: bool, failures: int, trouble: str) -> None:
        since_ms = self._state.since_ms if connected == self._state.connected else self._now_ms()
        self._state = RelayState(self.url, connected, since_ms, failures, trouble)
        if connected:
            self._up.set()
        else:
            self._up.clear()
        for listener in self._listeners:
            listener()


class Relays:
    """The configured relays, one connection each, kept while the context is open.

    `urls` are `wss://…` (or `ws://` on loopback). Raises SettingsError for one that is no relay's url.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        now_ms: Callable[[], int],
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._urls = [_parsed(url) for url in dict.fromkeys(urls)]
        self._now_ms = now_ms
        self._patience = patience or Patience()
        self._chance = chance
        self._client: Client | None = None
        self._runs: list[asyncio.Task[None]] = []
        self.links: tuple[RelayLink, ...] = ()

    def states(self) -> tuple[RelayState, ...]:
        """How each relay stands, in the configured order."""
        return tuple(link.state for link in self.links)

    async def __aenter__(self) -> Self:
        limits = RelayLimits()  # type: ignore[no-untyped-call]  # generated, without annotations
        limits = limits.message_max_size(4 * MAX_EVENT_BYTES).event_max_size(MAX_EVENT_BYTES)
        builder = ClientBuilder()  # type: ignore[no-untyped-call]  # as above
        client = builder.relay_limits(limits).notification_channel_size(64).build()
        # Retries are ours: the library's are fixed at five seconds or more, without growth we could test.
        options = RelayOptions()  # type: ignore[no-untyped-call]  # as above
        options = options.reconnect(reconnect=False).limits(limits)
        links = []
        for url in self._urls:
            await client.add_relay(url, opts=options)
            if (relay := await client.relay(url)) is not None:
                links.append(RelayLink(relay, now_ms=self._now_ms, patience=self._patience, chance=self._chance))
        self._client, self.links = client, tuple(links)
        self._runs = [asyncio.create_task(link.run()) for link in self.links]
        return self

    async def __aexit__(self, *_: object) -> None:
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        if self._client is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._client.shutdown()


def _parsed(url: str) -> RelayUrl:
    try:
        return RelayUrl.parse(url)
    except NostrSdkError:
        raise SettingsError(
            f"{url} is not the address of a relay.", now="Relays look like wss://relay.example."
        ) from None


def _reason(error: NostrSdkError) -> str:
    """The library's or the relay's own words; short and printable, as a stranger may have chosen them."""
    text = str(error.args[0]) if error.args else "unknown"
    return "".join(c if c.isprintable() else " " for c in text[:200])


def _trouble(url: str, why: str) -> NetworkError:
    return NetworkError(f"The relay {url} did not help.", why=why)
