"""Enrolment and finding with real relays: two alive, one dead, some killed on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from desktop.domain.errors import EnrolmentFailed
from desktop.domain.model import ModelKind
from desktop.domain.pricing import Price
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.enrolment import Enrolment, Rhythm, Standing
from desktop.network.directory.finder import Finder
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Patience, Relays
from desktop.network.local.relay import LocalRelay
from tests.fakes.patience import until

DEAD = "ws://127.0.0.1:9"
QUICK = Patience(connect_s=2, answer_s=2, first_retry_s=0.05, last_retry_s=0.2, look_s=0.05)
IDENTITY = NostrIdentity(b"\x07" * 32)
ANNOUNCEMENT = Announcement(
    identifier="node-1",
    urls=("iroh://" + "ab" * 32 + "?addr=127.0.0.1:4242",),
    mints=("http://127.0.0.1:3338",),
    version="0.1.0",
    name="Attic",
    about="A GPU under the roof",
    models=(Listing("smol", "Smol", ModelKind.CHAT, 2048, 512, Price(100_000, 200_000, 1000), "cd" * 32),),
    benchmark="ef" * 32,
)


def now_ms() -> int:
    return int(time.time() * 1000)


@asynccontextmanager
async def local_relays(count: int) -> AsyncIterator[list[LocalRelay]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(LocalRelay()) for _ in range(count)]


async def test_two_relays_and_a_dead_one_enrol_and_the_announcement_is_found_and_withdrawn() -> None:
    async with local_relays(2) as (one, two), Relays([one.url, DEAD, two.url], now_ms=now_ms, patience=QUICK) as relays:
        finder = Finder(relays, now_ms=now_ms, loopback=True)
        enrolment = Enrolment(relays, IDENTITY, ANNOUNCEMENT, now_ms=now_ms)
        started = time.monotonic()
        async with enrolment:
            assert (await enrolment.wait_enrolled(30)).accepted == (one.url, two.url)
            assert time.monotonic() - started < 15  # three on a quiet machine: tests/bench/node.py
            assert (await enrolment.wait_enrolled(30)).needed == 2
            found = await finder.find()
            assert [p.announcement for p in found.providers] == [ANNOUNCEMENT]
            assert found.providers[0].public_key == IDENTITY.public_key
            assert found.relays_answered == 2
            assert {s.url: s.connected for s in relays.states()} == {one.url: True, DEAD: False, two.url: True}
        assert (await finder.find()).providers == ()


async def test_one_relay_out_of_two_is_not_enough() -> None:
    async with (
        local_relays(1) as (one,),
        Relays([one.url, DEAD], now_ms=now_ms, patience=QUICK) as relays,
        Enrolment(relays, IDENTITY, ANNOUNCEMENT, now_ms=now_ms) as enrolment,
    ):
        await until(lambda: enrolment.standing.accepted == (one.url,))
        with pytest.raises(EnrolmentFailed, match="1 of 2 relays"):
            await enrolment.wait_enrolled(1)


async def test_a_killed_relay_is_noticed_and_holds_the_announcement_again_when_it_is_back() -> None:
    seen: list[Standing] = []
    async with (
        local_relays(2) as (one, two),
        Relays([one.url, two.url], now_ms=now_ms, patience=QUICK) as relays,
        Enrolment(relays, IDENTITY, ANNOUNCEMENT, now_ms=now_ms, on_change=seen.append) as enrolment,
    ):
        await enrolment.wait_enrolled(30)
        await one.kill()
        await until(lambda: seen[-1] == Standing((two.url,), 2))
        assert not enrolment.standing.enrolled
        await one.start()
        assert (await enrolment.wait_enrolled(30)).accepted == (one.url, two.url)


async def test_what_is_offered_changes_and_is_refreshed_before_it_lapses() -> None:
    rhythm = Rhythm(heartbeat_s=1.0, lifetime_s=5)
    async with local_relays(1) as (one,), Relays([one.url], now_ms=now_ms, patience=QUICK) as relays:
        finder = Finder(relays, now_ms=now_ms, loopback=True)
        async with Enrolment(relays, IDENTITY, ANNOUNCEMENT, now_ms=now_ms, rhythm=rhythm) as enrolment:
            await enrolment.wait_enrolled(30)
            changed = replace(ANNOUNCEMENT, models=())
            enrolment.announce(changed)
            started = time.monotonic()
            while time.monotonic() - started < 6:
                found = await finder.find()
                assert len(found.providers) == 1
                await asyncio.sleep(0.1)
            assert found.providers[0].announcement == changed


async def test_a_node_that_stops_and_starts_at_once_is_on_the_list_again() -> None:
    async with local_relays(2) as (one, two), Relays([one.url, two.url], now_ms=now_ms, patience=QUICK) as relays:
        for _ in range(3):
            async with Enrolment(relays, IDENTITY, ANNOUNCEMENT, now_ms=now_ms) as enrolment:
                await enrolment.wait_enrolled(30)
