"""Keysets of a mint (NUT-01, NUT-02): the public keys coins are signed with, and the id that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coincurve import PublicKey

SAT: Final = "sat"

_MOST_KEYS: Final = 128
_KEY_BYTES: Final = 33
_ID_DIGITS: Final = {"00": 16, "01": 66}
_SHORT_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Keyset:
    """One keyset. `keys` holds a compressed public key per denomination; the id has been checked against them."""

    id: str
    unit: str
    active: bool
    fee_ppk: int
    final_expiry: int | None
    keys: Mapping[int, bytes]
    _points: dict[int, PublicKey] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def denominations(self) -> list[int]:
        """The coins there are, ascending."""
        return sorted(self.keys)

    def point(self, amount: int) -> PublicKey | None:
        """The key that signs coins of `amount`; None if there are none."""
        point = self._points.get(amount)
        if point is None and amount in self.keys:
            point = self._points[amount] = PublicKey(self.keys[amount])
        return point


def is_keyset_id(text: str) -> bool:
    """Whether this is a keyset id of a version we know (00 or 01), in lowercase hex."""
    return len(text) == _ID_DIGITS.get(text[:2], -1) and all(digit in "0123456789abcdef" for digit in text)


def matches(text: str, keyset_id: str) -> bool:
    """Whether `text`, a full or short id from a token (NUT-00), names that keyset."""
    return text == keyset_id or (len(text) == _SHORT_ID_DIGITS and keyset_id.startswith(text))


def parse_keys(keys: Mapping[str, str]) -> dict[int, bytes]:
    """The keys of a keyset as a mint sends them. Raises ValueError unless each is a compressed point (NUT-01)."""
    if not 0 < len(keys) <= _MOST_KEYS:
        raise ValueError("a keyset has between 1 and 128 keys")
    parsed: dict[int, bytes] = {}
    for amount, key in keys.items():
        if not (amount.isascii() and amount.isdecimal()) or len(amount) > len(str(2**64)) or int(amount) < 1:
            raise ValueError("a denomination is not a positive number")
        raw = bytes.fromhex(key)
        if len(raw) != _KEY_BYTES:
            raise ValueError("a key is not in compressed form")
        PublicKey(raw)
        parsed[int(amount)] = raw
    if len(parsed) != len(keys):
        raise ValueError("a denomination appears twice")
    return dict(sorted(parsed.items()))


def derive_keyset_id(
    version: str, keys: Mapping[int, bytes], *, unit: str, fee_ppk: int = 0, final_expiry: int | None = None
) -> str:
    """The id these keys must have (NUT-02). Version 00 covers the keys alone, 01 also unit, fee and expiry."""
    ordered = sorted(keys.items())
    if version == "00":
        return "00" + hashlib.sha256(b"".join(key for _, key in ordered)).hexdigest()[:14]
    if version != "01":
        raise ValueError("unknown keyset id version")
    preimage = ",".join(f"{amount}:{key.hex()}" for amount, key in ordered) + f"|unit:{unit.lower()}"
    if fee_ppk:
        preimage += f"|input_fee_ppk:{fee_ppk}"
    if final_expiry:
        preimage += f"|final_expiry:{final_expiry}"
    return "01" + hashlib.sha256(preimage.encode()).hexdigest()
