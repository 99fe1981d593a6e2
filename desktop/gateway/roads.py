"""The way to a provider: by public key where it announces one, by https otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import httpx

from desktop.domain.errors import ProviderUnreachable
from desktop.network.wire.address import SCHEME, WireAddress
from desktop.network.wire.dial import WireDialer

# Long enough for a long prompt on a slow device; every piece that comes starts it again.
PATIENCE = httpx.Timeout(10.0, read=120.0)


class Road(Protocol):
    """Opens a client whose paths (`/v1/…`) lead to one provider."""

    async def open(self, urls: Sequence[str]) -> httpx.AsyncClient:
        """A client, or ProviderUnreachable; where the way allows it, known to work before anything is sent."""
        ...


class Roads:
    """Reaches providers over the wire with `dialer`, or over plain https. Onion services are not reached."""

    def __init__(self, dialer: WireDialer, patience: httpx.Timeout = PATIENCE) -> None:
        self._dialer = dialer
        self._patience = patience

    async def open(self, urls: Sequence[str]) -> httpx.AsyncClient:
        """A client for the first of the provider's urls that works, the wire first. Raises ProviderUnreachable."""
        trouble: ProviderUnreachable | None = None
        for url in (url for url in urls if url.startswith(f"{SCHEME}:")):
            try:
                address = WireAddress.parse(url)
                await self._dialer.connect(address)
            except ValueError:
                continue
            except ProviderUnreachable as unreachable:
                trouble = unreachable
                continue
            return self._dialer.client(address, timeout=self._patience)
        for url in urls:
            if url.startswith(("https://", "http://")) and ".onion" not in url:
                return httpx.AsyncClient(base_url=url, timeout=self._patience, trust_env=False)
        raise trouble or ProviderUnreachable(
            "The provider could not be reached.", why="It names no address we can use.", now="Try another provider."
        )
