"""What strangers may put on a relay: read, or dropped with a reason; never anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.domain.errors import AnnouncementInvalid
from desktop.domain.model import ModelKind
from desktop.domain.pricing import Price
from desktop.network.directory.announcement import KIND, Announcement, Listing
from desktop.network.directory.codec import MAX_EVENT_BYTES, decode, encode
from desktop.network.directory.identity import NostrIdentity

NOW_S = 1_800_000_000
SECRET = b"\x03" * 32
URL = "iroh://" + "0f" * 32

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=60)
counts = st.integers(0, 2**31)
msats = st.integers(0, 10**15)
listings = st.builds(
    Listing,
    id=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:/+@-]{0,60}", fullmatch=True),
    name=words,
    kind=st.sampled_from(ModelKind),
    context_tokens=counts,
    max_output_tokens=counts,
    price=st.builds(Price, msats, msats, msats),
    digest=st.sampled_from(["", "ab" * 32]),
)
announcements = st.builds(
    Announcement,
    identifier=words,
    urls=st.lists(
        st.sampled_from([URL, URL + "?addr=192.0.2.1:9", "https://node.example.com", "http://abcdefghij.onion"]),
        min_size=1,
        max_size=4,
    ).map(tuple),
    mints=st.lists(st.sampled_from(["https://mint.example.com", "https://a.example.com:3338/x"]), max_size=3).map(
        tuple
    ),
    version=st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
    name=words,
    about=words,
    models=st.lists(listings, max_size=4).map(tuple),
    benchmark=st.sampled_from(["", "cd" * 32]),
)
OURS = Announcement("node", (URL,), ("https://mint.example.com",), "0.1.0", name="Attic")


def event(
    content: str = "", tags: list[list[str]] | None = None, *, kind: int = KIND, created_at_s: int = NOW_S
) -> dict[str, object]:
    """A well signed event of a stranger with any content."""
    base = [["d", "x"], ["u", URL], ["expiration", str(NOW_S + 60)]] if tags is None else tags
    signed = NostrIdentity(SECRET).sign(kind, content, base, created_at_s)
    read: dict[str, object] = json.loads(signed.as_json())
    return read


def why_dropped(text: str, *, now_s: int = NOW_S) -> str:
    with pytest.raises(AnnouncementInvalid) as dropped:
        decode(text, now_s=now_s)
    return dropped.value.why


@given(announcements)
def test_what_is_announced_is_read_again(announcement: Announcement) -> None:
    identity = NostrIdentity(SECRET)
    signed = encode(announcement, identity, created_at_s=NOW_S, expires_at_s=NOW_S + 240)
    provider = decode(signed.as_json(), now_s=NOW_S)
    assert provider.announcement == announcement
    assert provider.public_key == identity.public_key
    assert provider.event_id == signed.id().to_hex()
    assert (provider.announced_at_ms, provider.expires_at_ms) == (NOW_S * 1000, (NOW_S + 240) * 1000)


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_any_text_is_dropped(text: str) -> None:
    assert why_dropped(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["id", "pubkey", "created_at", "kind", "tags", "content", "sig"]), json_values),
    st.sampled_from([{}, event()]),
)
def test_any_event_shaped_json_is_dropped(fields: dict[str, object], good: dict[str, object]) -> None:
    changed = {**good, **fields}
    if good and changed == good:
        assert decode(json.dumps(good), now_s=NOW_S)
    else:
        assert why_dropped(json.dumps(changed))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    json_values.map(json.dumps) | st.text(st.characters(codec="utf-8"), max_size=200),
    st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=4), max_size=8),
)
def test_any_signed_content_and_tags_are_read_or_dropped(content: str, tags: list[list[str]]) -> None:
    text = json.dumps(event(content, [["d", "x"], ["u", URL], *tags]))
    try:
        provider = decode(text, now_s=NOW_S)
    except AnnouncementInvalid as dropped:
        assert dropped.why  # noqa: PT017 - some are dropped, some are read
    else:
        assert provider.announcement.name.isprintable()
        assert provider.announcement.about.isprintable()
        assert len(provider.announcement.about) <= 500


def test_a_changed_word_breaks_the_signature() -> None:
    good = event('{"name":"Attic"}')
    assert decode(json.dumps(good), now_s=NOW_S).announcement.name == "Attic"
    assert why_dropped(json.dumps({**good, "content": '{"name":"Cellar"}'})) == "Its signature is wrong."
    stolen = event('{"name":"Attic"}', created_at_s=NOW_S - 1)
    assert why_dropped(json.dumps({**good, "sig": stolen["sig"]})) == "Its signature is wrong."


def test_time() -> None:
    assert why_dropped(json.dumps(event(created_at_s=NOW_S + 3600))) == "It is dated in the future."
    assert decode(json.dumps(event(created_at_s=NOW_S + 300)), now_s=NOW_S)
    assert why_dropped(json.dumps(event()), now_s=NOW_S + 60) == "It has expired."
    undated = json.dumps(event(tags=[["d", "x"], ["u", URL]]))
    assert decode(undated, now_s=NOW_S + 3600)
    assert why_dropped(undated, now_s=NOW_S + 25 * 3600) == "It has expired."
    forever = json.dumps(event(tags=[["d", "x"], ["u", URL], ["expiration", "999999999999"]]))
    assert why_dropped(forever, now_s=NOW_S + 32 * 24 * 3600) == "It has expired."
    for nonsense in ("-1", "1e9", "9" * 13, "١٢٣", ""):
        text = json.dumps(event(tags=[["d", "x"], ["u", URL], ["expiration", nonsense]]))
        assert why_dropped(text) == "Its expiry is not a time."


def test_size() -> None:
    assert why_dropped(json.dumps(event("x" * MAX_EVENT_BYTES))) == "It is too large."
    many = [["d", "x"], ["u", URL], *([["t", "x"]] * 200)]
    assert why_dropped(json.dumps(event(tags=many))) == "It is not an event."
    models = [{"id": "m", "kind": "chat", "context_tokens": 1, "max_output_tokens": 1}] * 65
    assert why_dropped(json.dumps(event(json.dumps({"models": models})))) == "Its content breaks the rules."
    assert why_dropped("[" * 30_000) == "It is not an event."
    assert why_dropped(json.dumps(event("[" * 20_000))) == "Its content breaks the rules."


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"id": "m\n"},
        {"id": "m", "prompt_msat_per_million": -1},
        {"id": "m", "prompt_msat_per_million": 10**16},
        {"id": "m", "prompt_msat_per_million": 1.5},
        {"id": "m", "prompt_msat_per_million": True},
        {"id": "m", "context_tokens": 2**40},
        {"id": "m", "kind": "video"},
        {"id": "m", "digest": "no"},
        {"id": "\u001b[31m"},
    ],
)
def test_a_bad_model_drops_the_announcement(model: dict[str, object]) -> None:
    whole = {
        "kind": "chat",
        "context_tokens": 10,
        "max_output_tokens": 5,
        "prompt_msat_per_million": 1,
        "completion_msat_per_million": 1,
        **model,
    }
    assert why_dropped(json.dumps(event(json.dumps({"models": [whole]})))) == "Its content breaks the rules."


def test_a_provider_of_another_make_is_read() -> None:
    metadata = json.dumps({"name": "Some\u202enode\u001b[2J", "about": "two\nlines", "x": 1, "nip05": 7})
    provider = decode(json.dumps(event(metadata)), now_s=NOW_S)
    assert provider.announcement.name == "Some node [2J"
    assert provider.announcement.about == "two lines"
    assert provider.announcement.models == ()
    assert decode(json.dumps(event("")), now_s=NOW_S).announcement.name == ""


@pytest.mark.parametrize(
    ("url", "usable", "on_loopback"),
    [
        (URL, True, True),
        ("iroh://nonsense", False, False),
        ("https://node.example.com:8443/v1", True, True),
        ("http://node.example.com", False, False),
        ("http://abc.onion", True, True),
        ("https://user:pass@node.example.com", False, False),
        ("https://node.example.com/?x=1", False, False),
        ("https://192.168.1.1", False, False),
        ("https://10.0.0.1/", False, False),
        ("https://169.254.169.254", False, False),
        ("https://[fd00::1]", False, False),
        ("https://printer.local", False, False),
        ("https://localhost", False, True),
        ("http://127.0.0.1:8080", False, True),
        ("https://0x7f000001.", False, False),
        ("file:///etc/passwd", False, False),
        ("javascript:alert(1)", False, False),
        ("https://", False, False),
        ("https://node.example.com:99999", False, False),
        ("https://ex ample.com", False, False),
        ("https://пример.example", False, False),
    ],
)
def test_where_a_stranger_may_send_us(url: str, *, usable: bool, on_loopback: bool) -> None:
    text = json.dumps(event(tags=[["d", "x"], ["u", url]]))
    for loopback, wanted in ((False, usable), (True, on_loopback)):
        if wanted:
            assert decode(text, now_s=NOW_S, loopback=loopback).announcement.urls == (url,)
        else:
            with pytest.raises(AnnouncementInvalid, match="no usable way"):
                decode(text, now_s=NOW_S, loopback=loopback)


def test_tags_that_must_be_there_once() -> None:
    assert why_dropped(json.dumps(event(tags=[["u", URL]]))) == "It must have one tag d."
    assert why_dropped(json.dumps(event(tags=[["d", "x"], ["d", "y"], ["u", URL]]))) == "It must have one tag d."
    assert why_dropped(json.dumps(event(tags=[["d", "a\nb"], ["u", URL]]))) == "Its tag d is not usable."
    assert why_dropped(json.dumps(event(kind=1))) == "It is of another kind."
