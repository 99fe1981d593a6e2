"""Signatures of a node under what it says: BIP-340 over a tagged hash.

What is signed is `sha256(sha256(tag) || sha256(tag) || body)`. The tag keeps a signature under one kind of statement
from ever being one under another, or under a Nostr event, for which the same key is used.
"""

from __future__ import annotations

from hashlib import sha256

from coincurve import PrivateKey, PublicKeyXOnly


class Seal:
    """Holds the node's secret key (32 bytes) and signs with it under one tag; never shows it."""

    def __init__(self, secret: bytes, tag: bytes) -> None:
        self._key = PrivateKey(secret)
        self._tag = tag

    @property
    def public_key(self) -> str:
        """The x-only public key, hex."""
        return self._key.public_key_xonly.format().hex()

    def sign(self, body: bytes) -> str:
        """The signature, hex."""
        return self._key.sign_schnorr(_message(self._tag, body)).hex()


def holds(tag: bytes, body: bytes, *, key: str, signature: str) -> bool:
    """Whether `key` (x-only, hex) signed `body` under that tag. Never raises."""
    try:
        return PublicKeyXOnly(bytes.fromhex(key)).verify(bytes.fromhex(signature), _message(tag, body))
    except ValueError:  # a key that is no point of the curve, or no hex
        return False


def _message(tag: bytes, body: bytes) -> bytes:
    digest = sha256(tag).digest()
    return sha256(digest + digest + body).digest()
