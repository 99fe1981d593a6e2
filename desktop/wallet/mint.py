"""One mint: its client, and its keysets as we have verified and recorded them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Final

from desktop.domain.errors import MintMisbehaved, TokenInvalid
from desktop.wallet.amounts import MAX_SAT, input_fee, split
from desktop.wallet.coin import Coin
from desktop.wallet.keyset import SAT, Keyset, derive_keyset_id, is_keyset_id, matches, parse_keys
from desktop.wallet.keyset_records import load_keysets, save_keyset
from desktop.wallet.messages import KeysetHeader
from desktop.wallet.mint_client import MintClient
from desktop.wallet.refusal import MintRefusal
from desktop.wallet.storage import Storage

_FRESH_FOR_S: Final = 600.0


class Mint:
    """A mint we deal with. Making one contacts nobody; safe to use from several threads."""

    def __init__(self, client: MintClient, storage: Storage, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._storage = storage
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._keysets: dict[str, Keyset] = {}
        self._refreshed_at_s: float | None = None

    @property
    def url(self) -> str:
        """The mint's address, in our one spelling."""
        return self.client.url

    def recorded(self) -> Mapping[str, Keyset]:
        """The keysets seen so far, by id. Contacts nobody."""
        with self._lock:
            if not self._keysets:
                with self._storage.transaction() as db:
                    self._keysets = load_keysets(db, self.url)
            return self._keysets

    def keysets(self, *, anew: bool = False) -> Mapping[str, Keyset]:
        """The mint's sat keysets, asked for at most every ten minutes unless `anew`.

        Raises MintUnreachable, and MintMisbehaved if an id does not fit its keys, a known id comes with other keys,
        or the mint lacks what keeps our money safe (NUT-07, NUT-09, NUT-12).
        """
        now_s = self._monotonic_s()
        if not anew and self._refreshed_at_s is not None and now_s - self._refreshed_at_s < _FRESH_FOR_S:
            return self.recorded()
        try:
            keysets = self._fetch()
        except MintRefusal:
            raise self._misbehaved("It does not show its keys.") from None
        with self._lock:
            self._keysets = keysets
            self._refreshed_at_s = now_s
            return keysets

    def active(self) -> Keyset:
        """The keyset for new coins: of those the mint signs with, the one that is cheapest to spend from later."""
        for anew in (False, True):
            active = [keyset for keyset in self.keysets(anew=anew).values() if keyset.active]
            if active:
                return min(active, key=lambda keyset: (keyset.fee_ppk, keyset.id))
        raise self._misbehaved("It signs nothing any more.")

    def fee(self, coins: Iterable[Coin]) -> int:
        """What the mint charges for taking these coins, by the keysets we know."""
        keysets = self.recorded()
        return input_fee(keysets[coin.keyset_id].fee_ppk for coin in coins)

    def resolve(self, text: str) -> Keyset:
        """The keyset a token means by a full or short id. Raises TokenInvalid if none or several fit (NUT-00)."""
        found = [keyset for keyset in self.keysets().values() if matches(text, keyset.id)]
        if not found:
            found = [keyset for keyset in self.keysets(anew=True).values() if matches(text, keyset.id)]
        if len(found) != 1:
            raise TokenInvalid("The token's coins are of a kind its mint does not know.")
        return found[0]

    def _fetch(self) -> dict[str, Keyset]:
        abilities = self.client.info().nuts
        if not (abilities.state_check.supported and abilities.restore.supported and abilities.dleq.supported):
            raise self._misbehaved("It cannot check, restore or prove coins (NUT-07, NUT-09, NUT-12).")
        recorded = dict(self.recorded())
        keysets: dict[str, Keyset] = {}
        for header in self.client.keysets():
            if header.unit == SAT and is_keyset_id(header.id):
                keysets[header.id] = self._verified(header, recorded.get(header.id))
        with self._storage.transaction() as db:
            if not all(save_keyset(db, self.url, keyset) for keyset in keysets.values()):
                raise self._misbehaved("Its keyset has the id of another one.")
        # One that is no longer listed may come back; the coins of it are still ours.
        return recorded | keysets

    def _verified(self, header: KeysetHeader, known: Keyset | None) -> Keyset:
        fee_ppk = header.input_fee_ppk or 0
        if known is not None and known.fee_ppk == fee_ppk and self._refreshed_at_s is not None:
            keys = known.keys
        else:
            # Once per run also for known ones: a mint whose keys changed is refused.
            try:
                keys = parse_keys(self.client.keys(header.id))
            except ValueError:
                raise self._misbehaved("Its keys are malformed.") from None
        if not _countable(sorted(keys)):
            raise self._misbehaved("Its coins are of amounts nobody can count with.")
        version = header.id[:2]
        expiry = header.final_expiry
        if derive_keyset_id(version, keys, unit=header.unit, fee_ppk=fee_ppk, final_expiry=expiry) != header.id:
            raise self._misbehaved("The id of its keyset does not fit the keys.")
        return Keyset(header.id, header.unit, header.active, fee_ppk, expiry, keys)

    def _misbehaved(self, why: str) -> MintMisbehaved:
        return MintMisbehaved(f"The mint {self.url} breaks the rules.", why=why, now="Use another mint.")


def _countable(denominations: list[int]) -> bool:
    """Whether any amount can be made of these coins, and the largest first finds how."""
    if denominations[0] != 1 or any(larger % smaller for smaller, larger in pairwise(denominations)):
        return False
    try:
        split(MAX_SAT, denominations)
    except ValueError:
        return False
    return True
