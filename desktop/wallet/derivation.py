"""Deterministic secrets (NUT-13): from the seed, a keyset id and a counter, always the same secret and factor."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from coincurve import PrivateKey

from desktop.domain.derivation import HARDENED, ExtendedKey
from desktop.wallet.curve import GROUP_ORDER

_PURPOSE: Final = HARDENED + 129372
_COIN: Final = HARDENED + 0
_SEED_BYTES: Final = 64
_KDF: Final = b"Cashu_KDF_HMAC_SHA256"


@dataclass(frozen=True, slots=True)
class Blank:
    """A secret that is not a coin yet: what a mint's signature turns into one. Never shown, not even by `repr`."""

    secret: str
    factor: bytes

    def __repr__(self) -> str:
        return "Blank(…)"


def derivation_path(keyset_id: str) -> str:
    """What decides the secrets of a keyset. Two keysets with the same path would share secrets and must not be used.

    For version 00 that is a 31-bit number, which a hostile mint can bring to collide; for 01 it is the id itself.
    """
    if keyset_id.startswith("00"):
        return f"00/{keyset_number(keyset_id)}"
    return keyset_id


def keyset_number(keyset_id: str) -> int:
    """The integer that stands for a version 00 keyset in its BIP-32 path."""
    return int.from_bytes(bytes.fromhex(keyset_id), "big") % (2**31 - 1)


class SecretSource:
    """Derives blanks from a BIP-39 seed of 64 bytes."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise ValueError("a BIP-39 seed has 64 bytes")
        self._seed = seed
        self._branches: dict[str, ExtendedKey] = {}

    def __repr__(self) -> str:
        return "SecretSource(…)"

    def blank(self, keyset_id: str, counter: int) -> Blank:
        """The blank number `counter` of that keyset. Raises ValueError for an id of unknown version."""
        if keyset_id.startswith("00"):
            return self._legacy_blank(keyset_id, counter)
        if keyset_id.startswith("01"):
            return self._hmac_blank(keyset_id, counter)
        raise ValueError("unknown keyset id version")

    def _hmac_blank(self, keyset_id: str, counter: int) -> Blank:
        message = _KDF + bytes.fromhex(keyset_id) + counter.to_bytes(8, "big")
        secret = hmac.digest(self._seed, message + b"\x00", hashlib.sha256)
        factor = int.from_bytes(hmac.digest(self._seed, message + b"\x01", hashlib.sha256), "big") % GROUP_ORDER
        return Blank(secret.hex(), factor.to_bytes(32, "big"))

    def _legacy_blank(self, keyset_id: str, counter: int) -> Blank:
        leaf = self._branch(keyset_id).derive([HARDENED + counter], _public_key)
        return Blank(leaf.derive([0], _public_key).secret.hex(), leaf.derive([1], _public_key).secret)

    def _branch(self, keyset_id: str) -> ExtendedKey:
        branch = self._branches.get(keyset_id)
        if branch is None:
            path = [_PURPOSE, _COIN, HARDENED + keyset_number(keyset_id)]
            branch = self._branches[keyset_id] = ExtendedKey.from_seed(self._seed).derive(path, _public_key)
        return branch


def _public_key(secret: bytes) -> bytes:
    return bytes(PrivateKey(secret).public_key.format())
