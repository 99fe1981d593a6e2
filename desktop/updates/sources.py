"""Where statements about versions are found: web addresses and Nostr relays, each on its own and each untrusted.

On relays the envelope is the content of an addressable event (NIP-01) of kind 30078, application data (NIP-78), with
the identifier `hearth-release`. Its author only narrows down what is asked for: the signature inside decides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Protocol
from urllib.parse import urljoin

import msgspec
from msgspec import Meta, Struct

from desktop.domain.errors import NetworkError
from desktop.downloads.wanted import is_fetchable, shown
from desktop.network.directory.codec import MAX_EVENT_BYTES
from desktop.network.directory.relays import RelayLink
from desktop.updates.statement import MAX_BYTES

if TYPE_CHECKING:  # a node that looks once a day need not hold it from its start
    import httpx

KIND: Final = 30078
IDENTIFIER: Final = "hearth-release"
WITHIN_S: Final = 20.0
_REDIRECTS: Final = 5
_MAX_EVENTS: Final = 8
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200


class Source(Protocol):
    """One place to ask. `name` is shown to the owner."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    async def read(self) -> tuple[bytes, ...]:
        """The envelopes it has, unchecked, each no larger than may be. Raises NetworkError with the reason."""
        ...


class WebSource:
    """A web address that answers with `latest.json`. However slow it is, it takes no longer than `within_s`."""

    def __init__(self, url: str, *, within_s: float = WITHIN_S) -> None:
        self._url = url
        self._within_s = within_s
        self.name = shown(url)

    async def read(self) -> tuple[bytes, ...]:
        """As `Source.read`."""
        import httpx

        try:
            async with (
                asyncio.timeout(self._within_s),
                httpx.AsyncClient(timeout=self._within_s, headers={"Accept-Encoding": "identity"}) as client,
            ):
                return (await self._follow(client),)
        except TimeoutError:
            raise self._trouble("It did not answer in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            raise self._trouble("It cannot be reached, or its answer is broken.") from None

    async def _follow(self, client: httpx.AsyncClient) -> bytes:
        url = self._url
        for _ in range(_REDIRECTS):
            if not is_fetchable(url):
                raise self._trouble(f"{shown(url)} may not be contacted: only https addresses may.")
            async with client.stream("GET", url) as answer:
                if answer.status_code in _REDIRECTIONS:
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                if answer.status_code != _OK:
                    raise self._trouble(f"It answers with {answer.status_code}.")
                body = bytearray()
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise self._trouble("Its answer is too long.")
                return bytes(body)
        raise self._trouble("It sends from one address to the next without end.")

    def _trouble(self, why: str) -> NetworkError:
        return NetworkError(f"{self.name} did not help.", why=why)


class _Event(Struct, frozen=True):
    """The part of an event that matters."""

    content: Annotated[str, Meta(max_length=MAX_EVENT_BYTES)]


class RelaySource:
    """A relay that may hold the publisher's event. `authors` are the keys such events are signed with."""

    def __init__(self, link: RelayLink, authors: tuple[str, ...]) -> None:
        self._link = link
        self._wanted = {"kinds": [KIND], "authors": list(authors), "#d": [IDENTIFIER]}
        self.name = link.url

    async def read(self) -> tuple[bytes, ...]:
        """As `Source.read`; nothing at all is an answer too."""
        events = await self._link.fetch(self._wanted, _MAX_EVENTS)
        found = []
        for event in events:
            try:
                content = msgspec.json.decode(event, type=_Event).content.encode()
            except (ValueError, RecursionError):
                continue
            if len(content) <= MAX_BYTES:
                found.append(content)
        return tuple(found)
