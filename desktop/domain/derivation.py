"""Keys out of one seed: BIP-32 private derivation.

Here because both the identity and the wallet need it and neither may know the other. The curve itself is a
parameter (`public_key`), so that this stays arithmetic on integers and hashes. The published packages that do this
pin a curve library without a build for Python 3.13.

Not covered: public derivation, extended key strings, fingerprints.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

HARDENED: Final = 1 << 31
_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


@dataclass(frozen=True, slots=True, repr=False)
class ExtendedKey:
    """A private key (32 bytes) and the chain code (32 bytes) its children come from. Shows neither when printed."""

    secret: bytes
    chain_code: bytes

    @classmethod
    def from_seed(cls, seed: bytes) -> ExtendedKey:
        """The root of a seed of 16 to 64 bytes; BIP-39 seeds have 64."""
        return cls._split(hmac.digest(b"Bitcoin seed", seed, hashlib.sha512), parent=0)

    def derive(self, path: Iterable[int], public_key: Callable[[bytes], bytes]) -> ExtendedKey:
        """The key at `path` below this one.

        Each index is below 2**32; add `HARDENED` for a hardened step. `public_key` gives the compressed (33-byte)
        public key of a private key on secp256k1, and is called for steps that are not hardened.

        Raises:
            ValueError: the one derivation in about 2**127 that gives no key; BIP-32 says to take the next index.
        """
        node = self
        for index in path:
            parent = b"\0" + node.secret if index & HARDENED else public_key(node.secret)
            digest = hmac.digest(node.chain_code, parent + index.to_bytes(4, "big"), hashlib.sha512)
            node = self._split(digest, parent=int.from_bytes(node.secret, "big"))
        return node

    @classmethod
    def _split(cls, digest: bytes, *, parent: int) -> ExtendedKey:
        tweak = int.from_bytes(digest[:32], "big")
        key = (parent + tweak) % _ORDER
        if tweak >= _ORDER or key == 0:
            raise ValueError("this derivation gives no key")
        return cls(key.to_bytes(32, "big"), digest[32:])

    def __repr__(self) -> str:
        return "ExtendedKey(…)"
