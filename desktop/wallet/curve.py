"""Blind Diffie-Hellman key exchange on secp256k1 (NUT-00) and the proof that it was done honestly (NUT-12).

Only the wallet's half: nothing here signs. Points are `coincurve.PublicKey`, scalars 32 bytes, big-endian.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from coincurve import PublicKey

GROUP_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

_DOMAIN: Final = b"Secp256k1_HashToCurve_Cashu_"
_MOST_TRIES: Final = 2**16


@dataclass(frozen=True, slots=True)
class Dleq:
    """A proof that two points share one secret key. `r`, the blinding factor, is set only in what users hand on."""

    e: bytes
    s: bytes
    r: bytes | None = None

    def __repr__(self) -> str:
        return "Dleq(…)"


def hash_to_curve(message: bytes) -> PublicKey:
    """The curve point of a message (NUT-00)."""
    digest = hashlib.sha256(_DOMAIN + message).digest()
    for counter in range(_MOST_TRIES):
        try:
            return PublicKey(b"\x02" + hashlib.sha256(digest + counter.to_bytes(4, "little")).digest())
        except ValueError:
            continue
    raise AssertionError("half of all tries succeed; this many misses do not happen")


def blind(secret: str, factor: bytes) -> PublicKey:
    """`B_ = Y + rG`: what the mint signs without learning the secret."""
    blinded: PublicKey = hash_to_curve(secret.encode()).add(factor)
    return blinded


def unblind(signature: PublicKey, factor: bytes, key: PublicKey) -> PublicKey:
    """`C = C_ - rK`. Raises ValueError if the result is no point, which an honest signature never gives."""
    point: PublicKey = PublicKey.combine_keys([signature, key.multiply(negate(factor))])
    return point


def negate(scalar: bytes) -> bytes:
    """The additive inverse modulo the group order. Raises ValueError unless the scalar is in 1 … n-1."""
    value = int.from_bytes(scalar, "big")
    if not 0 < value < GROUP_ORDER:
        raise ValueError("scalar out of range")
    return (GROUP_ORDER - value).to_bytes(32, "big")


def challenge(*points: PublicKey) -> bytes:
    """The hash of NUT-12, over the hex of the uncompressed points."""
    return hashlib.sha256("".join(point.format(compressed=False).hex() for point in points).encode()).digest()


def dleq_holds(dleq: Dleq, *, key: PublicKey, blinded: PublicKey, signature: PublicKey) -> bool:
    """Whether the mint signed `blinded` with the private key of `key` (NUT-12), from the mint's own proof."""
    try:
        minus_e = negate(dleq.e)
        r1 = key.multiply(minus_e).add(dleq.s)
        r2 = PublicKey.combine_keys([blinded.multiply(dleq.s), signature.multiply(minus_e)])
    except ValueError:
        return False
    return hmac.compare_digest(dleq.e, challenge(r1, r2, key, signature))


def carried_dleq_holds(dleq: Dleq, *, key: PublicKey, secret: str, unblinded: PublicKey) -> bool:
    """The same for a proof that came from another user, who added the blinding factor (NUT-12, "Carol")."""
    if dleq.r is None:
        return False
    try:
        blinded = blind(secret, dleq.r)
        signature = PublicKey.combine_keys([unblinded, key.multiply(dleq.r)])
    except ValueError:
        return False
    return dleq_holds(dleq, key=key, blinded=blinded, signature=signature)
