"""Announcements as Nostr events, and events of strangers as announcements or as a reason why not.

Ours follow RIP-02 with NIP-40's expiration; what others may ignore stands in the JSON of `content`. Content that is
not ours (empty, or metadata in the style of kind 0) is a provider that lists no models. Not covered: whether the
provider keeps its word, and NIP-09 deletions, which relays apply.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from nostr_sdk import Event, NostrSdkError

from desktop.domain.errors import AnnouncementInvalid
from desktop.domain.model import ModelKind
from desktop.domain.pricing import Price
from desktop.network.directory.announcement import KIND, Announcement, Listing, Provider
from desktop.network.directory.identity import NostrIdentity
from desktop.network.wire.address import SCHEME, WireAddress

MAX_EVENT_BYTES: Final = 32 * 1024
CLOCK_SKEW_S: Final = 600
# Providers that name no expiration are believed for a day.
UNDATED_LIFETIME_S: Final = 24 * 3600
MAX_LIFETIME_S: Final = 31 * 24 * 3600
_MAX_TAGS = 100
_MAX_URLS = 8
_MAX_MINTS = 32
_MAX_MODELS = 64
_MAX_TOKENS = 2**31
_MAX_MSAT = 10**15
_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|\[[0-9a-fA-F:.]{2,45}\]")

_Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
_ModelId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:/+@-]{0,127}\Z")]
_Tokens = Annotated[int, Meta(ge=0, le=_MAX_TOKENS)]
_Msat = Annotated[int, Meta(ge=0, le=_MAX_MSAT)]
_TagText = Annotated[str, Meta(max_length=2048)]


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as NIP-01 writes it."""

    id: _Hex64
    pubkey: _Hex64
    created_at: Annotated[int, Meta(ge=0, lt=2**40)]
    kind: Annotated[int, Meta(ge=0, lt=2**16)]
    tags: Annotated[list[Annotated[list[_TagText], Meta(max_length=16)]], Meta(max_length=_MAX_TAGS)]
    content: Annotated[str, Meta(max_length=MAX_EVENT_BYTES)]
    sig: Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]


class _Model(msgspec.Struct, frozen=True, omit_defaults=True):
    id: _ModelId
    kind: ModelKind
    context_tokens: _Tokens
    max_output_tokens: _Tokens
    prompt_msat_per_million: _Msat
    completion_msat_per_million: _Msat
    request_msat: _Msat = 0
    name: str = ""
    digest: _Digest = ""


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """Unknown fields are others' business."""

    name: str = ""
    about: str = ""
    models: Annotated[tuple[_Model, ...], Meta(max_length=_MAX_MODELS)] = ()
    benchmark: _Digest = ""


_ENVELOPES = msgspec.json.Decoder(_Envelope)
_CONTENTS = msgspec.json.Decoder(_Content)


def encode(announcement: Announcement, identity: NostrIdentity, *, created_at_s: int, expires_at_s: int) -> Event:
    """The signed event."""
    content = _Content(
        name=announcement.name,
        about=announcement.about,
        models=tuple(_written(listing) for listing in announcement.models),
        benchmark=announcement.benchmark,
    )
    tags = [
        ["d", announcement.identifier],
        *(["u", url] for url in announcement.urls),
        *(["mint", mint] for mint in announcement.mints),
        ["version", announcement.version],
        ["expiration", str(expires_at_s)],
    ]
    return identity.sign(KIND, msgspec.json.encode(content).decode(), tags, created_at_s)


def decode(event: str, *, now_s: int, loopback: bool = False) -> Provider:
    """Read an event (JSON) of a stranger. Raises AnnouncementInvalid with the reason, and nothing else.

    `loopback` admits addresses of this machine, as on a network for demos and tests; otherwise a url that points into
    a private network is dropped, because strangers must not send us there.
    """
    envelope = _opened(event)
    if envelope.kind != KIND:
        raise _invalid("It is of another kind.")
    expires_at_s = _expiry(envelope)
    if envelope.created_at > now_s + CLOCK_SKEW_S:
        raise _invalid("It is dated in the future.")
    if expires_at_s <= now_s:
        raise _invalid("It has expired.")
    content = _content(envelope.content)
    urls = tuple(url for url in _values(envelope, "u")[:_MAX_URLS] if _reachable(url, loopback=loopback))
    if not urls:
        raise _invalid("It names no usable way to reach the provider.")
    return Provider(
        public_key=envelope.pubkey,
        event_id=envelope.id,
        announced_at_ms=envelope.created_at * 1000,
        expires_at_ms=expires_at_s * 1000,
        announcement=Announcement(
            identifier=_single(envelope, "d"),
            urls=urls,
            mints=tuple(m for m in _values(envelope, "mint")[:_MAX_MINTS] if _web(m, loopback=loopback)),
            version=_clean(_single(envelope, "version", default=""), 32),
            name=_clean(content.name, 64),
            about=_clean(content.about, 500),
            models=tuple(map(_read, content.models)),
            benchmark=content.benchmark,
        ),
    )


def _invalid(why: str) -> AnnouncementInvalid:
    return AnnouncementInvalid("An announcement was dropped.", why=why)


def _opened(event: str) -> _Envelope:
    """Checked for size and shape before the signature, which is the expensive part.

    The signature must be checked here: the library skips that for an id it has seen before, whatever comes with it.
    """
    if len(event) > MAX_EVENT_BYTES:
        raise _invalid("It is too large.")
    try:
        envelope = _ENVELOPES.decode(event)
        signed = Event.from_json(event)
    except (msgspec.DecodeError, NostrSdkError, UnicodeError, RecursionError):
        raise _invalid("It is not an event.") from None
    if not signed.verify():
        raise _invalid("Its signature is wrong.")
    return envelope


def _content(text: str) -> _Content:
    if not text:
        return _Content()
    try:
        return _CONTENTS.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _invalid("Its content breaks the rules.") from None


def _expiry(envelope: _Envelope) -> int:
    text = _single(envelope, "expiration", default=str(envelope.created_at + UNDATED_LIFETIME_S))
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):  # noqa: PLR2004 - digits of any year to come
        raise _invalid("Its expiry is not a time.")
    return min(int(text), envelope.created_at + MAX_LIFETIME_S)


def _values(envelope: _Envelope, name: str) -> list[str]:
    return [tag[1] for tag in envelope.tags if len(tag) > 1 and tag[0] == name]


def _single(envelope: _Envelope, name: str, default: str | None = None) -> str:
    values = _values(envelope, name)
    if len(values) > 1 or (not values and default is None):
        raise _invalid(f"It must have one tag {name}.")
    value = values[0] if values else default or ""
    if len(value) > 256 or not (value.isprintable()):  # noqa: PLR2004 - far above any honest identifier
        raise _invalid(f"Its tag {name} is not usable.")
    return value


def _reachable(url: str, *, loopback: bool) -> bool:
    if url.startswith(f"{SCHEME}:"):
        try:
            WireAddress.parse(url)
        except ValueError:
            return False
        return True
    return _web(url, loopback=loopback)


def _web(url: str, *, loopback: bool) -> bool:
    """Whether it is an https url of a public host, or http to an onion service, or (`loopback`) to this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    bare = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    if not url.isascii() or not url.isprintable() or not _HOST.fullmatch(bare) or parts.query or parts.fragment:
        return False
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        private, own = host == "localhost" or host.endswith((".localhost", ".local", ".internal")), host == "localhost"
    else:
        private, own = not ip.is_global, ip.is_loopback
    if own and loopback:
        return parts.scheme in {"http", "https"}
    return not private and (parts.scheme == "https" or (parts.scheme == "http" and host.endswith(".onion")))


def _clean(text: str, limit: int) -> str:
    """Strangers' words, safe to show: no control characters, no direction changes, not long."""
    return "".join(c if c.isprintable() else " " for c in text[:limit]).strip()


def _written(listing: Listing) -> _Model:
    return _Model(
        id=listing.id,
        kind=listing.kind,
        context_tokens=listing.context_tokens,
        max_output_tokens=listing.max_output_tokens,
        prompt_msat_per_million=listing.price.prompt_msat_per_million,
        completion_msat_per_million=listing.price.completion_msat_per_million,
        request_msat=listing.price.request_msat,
        name=listing.name,
        digest=listing.digest,
    )


def _read(model: _Model) -> Listing:
    return Listing(
        id=model.id,
        name=_clean(model.name, 128),
        kind=model.kind,
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens,
        price=Price(model.prompt_msat_per_million, model.completion_msat_per_million, model.request_msat),
        digest=model.digest,
    )
