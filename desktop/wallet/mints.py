"""Which mints we deal with. One that was never accepted is never contacted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import requests

from desktop.domain.errors import MintNotAccepted, SettingsError
from desktop.wallet.keyset_records import known_mints
from desktop.wallet.mint import Mint
from desktop.wallet.mint_client import MintClient
from desktop.wallet.mint_url import normalise
from desktop.wallet.storage import Storage


class Mints:
    """The accepted mints, and those where we still hold money from a time when they were."""

    def __init__(self, accepted: Iterable[str], storage: Storage, new_session: Callable[[], requests.Session]) -> None:
        self._accepted = tuple(dict.fromkeys(normalise(url) for url in accepted))
        self._storage = storage
        self._new_session = new_session
        self._lock = threading.Lock()
        self._mints: dict[str, Mint] = {}

    @property
    def accepted(self) -> tuple[str, ...]:
        """The accepted mints, normalised, in the order they were given."""
        return self._accepted

    def accepts(self, url: str) -> bool:
        """Whether new money from that mint is taken. Any text may be asked about."""
        try:
            return normalise(url) in self._accepted
        except SettingsError:
            return False

    def accepted_mint(self, url: str) -> Mint:
        """A mint to take new money from, or MintNotAccepted."""
        if not self.accepts(url):
            raise MintNotAccepted("This mint is not on our list.", now="Pay with a token of an accepted mint.")
        return self._mint(normalise(url))

    def known_mint(self, url: str) -> Mint:
        """A mint to spend our money at, or MintNotAccepted."""
        with self._storage.transaction() as db:
            known = known_mints(db)
        if url not in known:
            return self.accepted_mint(url)
        return self._mint(url)

    def all_known(self) -> list[Mint]:
        """Every mint we have had to do with."""
        with self._storage.transaction() as db:
            known = known_mints(db)
        return [self._mint(url) for url in known]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            mints, self._mints = list(self._mints.values()), {}
        for mint in mints:
            mint.client.close()

    def _mint(self, url: str) -> Mint:
        with self._lock:
            if url not in self._mints:
                self._mints[url] = Mint(MintClient(url, self._new_session), self._storage)
            return self._mints[url]
