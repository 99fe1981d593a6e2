"""Connections to relays that are slow, hostile or not there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import NetworkError, SettingsError
from desktop.network.directory.announcement import Announcement
from desktop.network.directory.enrolment import Enrolment, Rhythm
from desktop.network.directory.finder import Finder
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Patience, Relays
from desktop.network.local.relay import LocalRelay
from tests.fakes.patience import until
from tests.fakes.relay import RelayOfStrangers

QUICK = Patience(connect_s=1, answer_s=1, first_retry_s=0.05, last_retry_s=0.2, look_s=0.05)


def now_ms() -> int:
    return int(time.time() * 1000)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_to_a_limit_and_differ(failures: int, chance: float) -> None:
    patience = Patience(first_retry_s=1, last_retry_s=300)
    pause = patience.retry_after_s(failures, chance)
    assert 0.5 <= pause <= 300
    assert pause <= patience.retry_after_s(failures + 1, chance)
    assert patience.retry_after_s(failures, 1) == 2 * patience.retry_after_s(failures, 0)


@pytest.mark.parametrize("url", ["", "https://relay.example.com", "relay.example.com", "wss://"])
def test_what_is_no_relay_is_refused_by_name(url: str) -> None:
    with pytest.raises(SettingsError, match="not the address of a relay"):
        Relays([url], now_ms=now_ms)


async def test_a_dead_relay_is_told_with_its_trouble_and_fails_at_once_after_the_first_try() -> None:
    async with Relays(["ws://127.0.0.1:9"], now_ms=now_ms, patience=QUICK) as relays:
        (link,) = relays.links
        await until(lambda: link.state.failures >= 2)
        assert not link.state.connected
        assert "refused" in link.state.trouble
        started = time.monotonic()
        with pytest.raises(NetworkError, match="refused"):
            await link.fetch({"kinds": [1]}, 10)
        assert time.monotonic() - started < 5


async def test_a_relay_that_takes_connections_and_says_nothing_delays_nobody() -> None:
    async with (
        silent_server() as silent,
        LocalRelay() as good,
        Relays([silent, good.url], now_ms=now_ms, patience=QUICK) as relays,
    ):
        started = time.monotonic()
        found = await Finder(relays, now_ms=now_ms).find(deadline_s=3)
        assert time.monotonic() - started < 15
        assert found.relays_answered == 1
        await until(lambda: relays.states()[0].failures > 0)


async def test_hostile_answers_are_dropped_and_the_good_ones_kept() -> None:
    identity = NostrIdentity(b"\x09" * 32)
    tags = [["d", "x"], ["u", "iroh://" + "0f" * 32]]
    good = identity.sign(38421, "", tags, now_ms() // 1000)
    forged = {**json.loads(good.as_json()), "content": '{"name":"somebody else"}'}
    other_kind = json.loads(identity.sign(1, "hello", [], now_ms() // 1000).as_json())
    large = json.loads(identity.sign(38421, "x" * 200_000, tags, now_ms() // 1000 + 1).as_json())
    nonsense = [other_kind, {}, [], "event", None, {"id": 7}, {**forged, "pubkey": "zz"}]
    raw = ["{", '["EVENT"]', '["EVENT","x",' + "[" * 2000, '["NOTICE",7]', "x" * 500_000]
    async with (
        RelayOfStrangers([*nonsense, json.loads(good.as_json())], raw=raw) as hostile,
        RelayOfStrangers([forged]) as forging,
        RelayOfStrangers([large]) as flooding,
        Relays([hostile.url, forging.url, flooding.url], now_ms=now_ms, patience=QUICK) as relays,
    ):
        dropped: set[str] = set()
        for _ in range(3):
            found = await Finder(relays, now_ms=now_ms).find(deadline_s=2)
            assert [provider.event_id for provider in found.providers] == [good.id().to_hex()]
            dropped |= set(found.dropped)
        # The library lets a forged event through once it has seen the good one with the same id; we do not.
        assert "Its signature is wrong." in dropped


async def test_a_relay_that_forgets_what_it_took_is_not_believed() -> None:
    announcement = Announcement("x", ("iroh://" + "0f" * 32,), (), "1")
    async with (
        RelayOfStrangers([]) as liar,
        Relays([liar.url], now_ms=now_ms, patience=QUICK) as relays,
        Enrolment(
            relays, NostrIdentity(b"\x09" * 32), announcement, now_ms=now_ms, rhythm=Rhythm(retry_s=0.1)
        ) as enrolment,
    ):
        await until(lambda: liar.taken >= 2)
        assert enrolment.standing.accepted == ()


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
