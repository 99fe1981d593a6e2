"""Sources over real connections: a web server that lies, cuts and stalls, and a real relay."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from desktop.domain.errors import NetworkError
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Patience, Relays
from desktop.network.local.relay import LocalRelay
from desktop.updates.look import Findings, look
from desktop.updates.memory import Remembered
from desktop.updates.sources import IDENTIFIER, KIND, RelaySource, WebSource
from desktop.updates.statement import MAX_BYTES
from tests.fakes.content_server import ContentServer, Trick, content_server
from tests.fakes.publisher import NOW_S, FakePublisher

PUBLISHER_OF_EVENTS = NostrIdentity(bytes(31) + b"\7")
NOBODY = Remembered(lot="01" * 16)
QUICK = Patience(connect_s=2, answer_s=2, first_retry_s=0.05, last_retry_s=0.2, look_s=0.05)


@pytest.fixture
def server() -> Iterator[ContentServer]:
    with content_server() as server:
        yield server


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher(PUBLISHER_OF_EVENTS.public_key)


async def ask(publisher: FakePublisher, *urls: str, remembered: Remembered = NOBODY) -> Findings:
    return await look([WebSource(url, within_s=1) for url in urls], publisher.publishers, remembered, NOW_S)


async def test_the_newest_valid_statement_wins_and_every_failure_is_told(
    server: ContentServer, publisher: FakePublisher
) -> None:
    server.files |= {
        "/old": publisher.latest("2.0.0"),
        "/new": publisher.latest("2.1.0", issued_s=NOW_S),
        "/forged": FakePublisher().latest("9.0.0", issued_s=NOW_S),
        "/expired": publisher.latest("3.0.0", expires_s=NOW_S - 1),
        "/cut": publisher.latest("3.0.0")[:-9],
    }
    names = ("old", "forged", "new", "expired", "cut", "missing")

    found = await ask(publisher, *(f"{server.url}/{name}" for name in names), "http://127.0.0.1:9/")

    assert found.require().version == "2.1.0"
    assert [answer.version for answer in found.answers] == ["2.0.0", "", "2.1.0", "", "", "", ""]
    troubles = dict(zip((*names, "dead"), (answer.trouble for answer in found.answers), strict=True))
    assert troubles["old"] == troubles["new"] == ""
    assert "not the publisher's" in troubles["forged"]
    assert "expired" in troubles["expired"]
    assert "no signed statement" in troubles["cut"]
    assert "404" in troubles["missing"]
    assert "cannot be reached" in troubles["dead"]


async def test_a_statement_older_than_one_already_seen_is_refused(
    server: ContentServer, publisher: FakePublisher
) -> None:
    server.files["/latest.json"] = publisher.latest("2.0.0")
    seen = Remembered(lot=NOBODY.lot, newest_issued_s=NOW_S)

    with pytest.raises(NetworkError, match="older than one already seen"):
        (await ask(publisher, f"{server.url}/latest.json", remembered=seen)).require()


@pytest.mark.parametrize(
    ("trick", "words"),
    [
        (Trick(after_bytes=20), "broken"),
        (Trick(body=b"x" * (MAX_BYTES + 1)), "too long"),
        (Trick(body=b"x" * (64 << 20), no_length=True), "too long"),
        (Trick(flip_byte=200), "not"),
        (Trick(status=500), "500"),
        (Trick(status=302, location="http://example.org/latest.json"), "only https"),
        (Trick(status=302, location="file:///etc/passwd"), "only https"),
        (Trick(status=302, location="https://user:secret@example.org/"), "only https"),
    ],
)
async def test_a_server_that_lies_cuts_or_floods_is_told(
    server: ContentServer, publisher: FakePublisher, trick: Trick, words: str
) -> None:
    server.files["/latest.json"] = publisher.latest()
    server.tricks.append(trick)

    found = await ask(publisher, f"{server.url}/latest.json")

    assert found.statement is None
    assert words in found.answers[0].trouble
    assert "secret" not in found.answers[0].trouble


async def test_a_server_that_sends_round_and_round_is_left(server: ContentServer, publisher: FakePublisher) -> None:
    server.tricks += [Trick(status=302, location=f"{server.url}/again")] * 9
    assert "without end" in (await ask(publisher, f"{server.url}/latest.json")).answers[0].trouble


async def test_a_redirect_to_a_mirror_is_followed(server: ContentServer, publisher: FakePublisher) -> None:
    server.files["/mirror"] = publisher.latest()
    server.tricks.append(Trick(status=302, location="/mirror"))
    assert (await ask(publisher, f"{server.url}/latest.json")).require().version == "2.0.0"


async def test_a_stalling_server_delays_nobody_for_longer_than_the_deadline(
    server: ContentServer, publisher: FakePublisher
) -> None:
    server.files |= {"/slow": publisher.latest("9.0.0"), "/quick": publisher.latest()}
    held = threading.Event()
    server.tricked = "/slow"
    server.tricks.append(Trick(after_bytes=5, hold=held))
    started = time.monotonic()
    try:
        found = await ask(publisher, f"{server.url}/slow", f"{server.url}/quick")
    finally:
        held.set()

    assert time.monotonic() - started < 5
    assert found.require().version == "2.0.0"
    assert "in time" in found.answers[0].trouble


async def test_no_source_at_all_says_what_to_set(publisher: FakePublisher) -> None:
    with pytest.raises(NetworkError, match="no source") as told:
        (await ask(publisher)).require()
    assert "update_sources" in told.value.now


async def test_an_event_on_a_real_relay_carries_the_statement(publisher: FakePublisher) -> None:
    """Its author counts for nothing beyond being asked for; a stranger's event with the true statement is no harm."""
    tags = [["d", IDENTIFIER]]
    clock_s = time.time_ns() // 1_000_000_000
    async with LocalRelay() as relay, Relays([relay.url], now_ms=lambda: clock_s * 1000, patience=QUICK) as relays:
        (link,) = relays.links
        source = RelaySource(link, publisher.publishers.nostr)
        assert await source.read() == ()

        stranger = NostrIdentity(bytes(31) + b"\1")
        await link.publish(stranger.sign(KIND, FakePublisher().latest("9.0.0").decode(), tags, clock_s))
        assert await source.read() == ()

        ours = publisher.latest("2.0.0")
        await link.publish(PUBLISHER_OF_EVENTS.sign(KIND, ours.decode(), tags, clock_s - 10))
        assert await source.read() == (ours,)
        found = await look([source], publisher.publishers, NOBODY, NOW_S)
        assert found.require().version == "2.0.0"

        forged = json.dumps({"statement": "{}", "signatures": []})
        await link.publish(PUBLISHER_OF_EVENTS.sign(KIND, forged, tags, clock_s - 5))
        found = await look([source], publisher.publishers, NOBODY, NOW_S)
        assert found.statement is None
        assert "no signed statement" in found.answers[0].trouble


async def test_a_dead_relay_is_told(publisher: FakePublisher) -> None:
    quick = Patience(connect_s=0.5, answer_s=0.5, look_s=0.05)
    async with Relays(["ws://127.0.0.1:9"], now_ms=lambda: NOW_S * 1000, patience=quick) as relays:
        sources = [RelaySource(link, publisher.publishers.nostr) for link in relays.links]
        found = await look(sources, publisher.publishers, NOBODY, NOW_S)
    assert found.answers[0].trouble
