"""Tokens, the text form of coins (NUT-00): `cashuA…` (V3) is read, `cashuB…` (V4) is read and written.

Whatever is wrong with a token is TokenInvalid, and the error never repeats any of it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from coincurve import PublicKey

from desktop.domain.errors import SettingsError, TokenInvalid
from desktop.wallet import cbor
from desktop.wallet.amounts import MAX_SAT
from desktop.wallet.coin import Coin, total
from desktop.wallet.curve import Dleq
from desktop.wallet.keyset import SAT
from desktop.wallet.mint_url import normalise

MAX_TOKEN_CHARACTERS: Final = 200_000
MAX_TOKEN_COINS: Final = 256

_NOT_A_TOKEN: Final = "This is not a token we can read."  # noqa: S105 - a sentence, not a secret

_Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_SAT)]
_Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Witness = Annotated[str, msgspec.Meta(max_length=1024)]
_Text = Annotated[str, msgspec.Meta(max_length=2048)]
_Point = Annotated[bytes, msgspec.Meta(min_length=33, max_length=33)]
_Scalar = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_PointHex = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{66}$")]
_ScalarHex = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
_KeysetHex = Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{16}|[0-9a-fA-F]{66})$")]
_KeysetBytes = Annotated[bytes, msgspec.Meta(min_length=8, max_length=33)]


class _DleqV3(msgspec.Struct):
    e: _ScalarHex
    s: _ScalarHex
    r: _ScalarHex | None = None


class _ProofV3(msgspec.Struct):
    amount: _Amount
    id: _KeysetHex
    secret: _Secret
    signature: _PointHex = msgspec.field(name="C")
    dleq: _DleqV3 | None = None
    witness: _Witness | None = None


class _EntryV3(msgspec.Struct):
    mint: _Text
    proofs: Annotated[list[_ProofV3], msgspec.Meta(max_length=MAX_TOKEN_COINS)]


class _TokenV3(msgspec.Struct):
    token: Annotated[list[_EntryV3], msgspec.Meta(min_length=1, max_length=MAX_TOKEN_COINS)]
    unit: _Text | None = None


class _DleqV4(msgspec.Struct):
    e: _Scalar
    s: _Scalar
    r: _Scalar


class _ProofV4(msgspec.Struct):
    a: _Amount
    s: _Secret
    c: _Point
    d: _DleqV4 | None = None
    w: _Witness | None = None


class _GroupV4(msgspec.Struct):
    i: _KeysetBytes
    p: Annotated[list[_ProofV4], msgspec.Meta(max_length=MAX_TOKEN_COINS)]


class _TokenV4(msgspec.Struct):
    m: _Text
    u: _Text
    t: Annotated[list[_GroupV4], msgspec.Meta(min_length=1, max_length=MAX_TOKEN_COINS)]


@dataclass(frozen=True, slots=True)
class Token:
    """A readable token: sats of one mint, no coin twice. Whether its signatures are real, only the mint knows."""

    mint: str
    coins: tuple[Coin, ...]

    def __repr__(self) -> str:
        return f"Token({self.amount_sat} sat from {self.mint})"

    @property
    def amount_sat(self) -> int:
        """Face value; taking it costs the mint's fee."""
        return total(self.coins)

    @property
    def digest(self) -> str:
        """The same for the same coins, however the text is written. Says nothing about their secrets."""
        return hashlib.sha256("".join(sorted(coin.y for coin in self.coins)).encode()).hexdigest()


def decode(text: str) -> Token:
    """Read a token of either version, with or without `cashu:` before it. No network. Raises TokenInvalid."""
    text = text.strip()
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise TokenInvalid("The token is too long.", now="Send less at once, or fewer and larger coins.")
    text = text.removeprefix("cashu://").removeprefix("cashu:")
    try:
        if text.startswith("cashuB"):
            return _from_v4(msgspec.convert(cbor.unpack(text[6:]), type=_TokenV4))
        if text.startswith("cashuA"):
            return _from_v3(msgspec.json.decode(cbor.unbase64(text[6:]), type=_TokenV3))
    except (ValueError, RecursionError, msgspec.MsgspecError, SettingsError):
        # `from None`: the cause quotes pieces of the token.
        raise TokenInvalid(_NOT_A_TOKEN, now="Copy it again, whole.") from None
    raise TokenInvalid(_NOT_A_TOKEN, why="It starts with neither cashuA nor cashuB.", now="Copy it again, whole.")


def decode_raw(data: bytes) -> Token:
    """Read the binary form of NUT-00, `craw` and the version before the CBOR. Raises TokenInvalid."""
    if not data.startswith(b"crawB") or len(data) > MAX_TOKEN_CHARACTERS:
        raise TokenInvalid(_NOT_A_TOKEN)
    return decode("cashuB" + base64.urlsafe_b64encode(data[5:]).decode())


def encode(mint: str, coins: Sequence[Coin]) -> str:
    """The V4 token of these coins, all in sats and of that mint. Equal coins give equal text."""
    groups: dict[str, list[dict[str, object]]] = {}
    for coin in coins:
        entry: dict[str, object] = {"a": coin.amount, "s": coin.secret, "c": coin.signature}
        if coin.dleq is not None and coin.dleq.r is not None:
            entry["d"] = {"e": coin.dleq.e, "s": coin.dleq.s, "r": coin.dleq.r}
        if coin.witness is not None:
            entry["w"] = coin.witness
        groups.setdefault(coin.keyset_id, []).append(entry)
    body = {"m": mint, "u": SAT, "t": [{"i": bytes.fromhex(keyset), "p": group} for keyset, group in groups.items()]}
    return "cashuB" + cbor.pack(body).rstrip("=")


def _from_v4(token: _TokenV4) -> Token:
    coins = [
        Coin(
            keyset_id=group.i.hex(),
            amount=proof.a,
            secret=proof.s,
            signature=proof.c,
            dleq=Dleq(proof.d.e, proof.d.s, proof.d.r) if proof.d else None,
            witness=proof.w,
        )
        for group in token.t
        for proof in group.p
    ]
    return _checked(token.m, token.u, coins)


def _from_v3(token: _TokenV3) -> Token:
    mints = {normalise(entry.mint) for entry in token.token}
    if len(mints) != 1:
        raise TokenInvalid("The token holds coins of several mints.", now="Send one token for each mint.")
    coins = [
        Coin(
            keyset_id=proof.id.lower(),
            amount=proof.amount,
            secret=proof.secret,
            signature=bytes.fromhex(proof.signature),
            dleq=_dleq_v3(proof.dleq),
            witness=proof.witness,
        )
        for entry in token.token
        for proof in entry.proofs
    ]
    return _checked(mints.pop(), SAT if token.unit is None else token.unit, coins)


def _dleq_v3(dleq: _DleqV3 | None) -> Dleq | None:
    if dleq is None or dleq.r is None:
        return None
    return Dleq(bytes.fromhex(dleq.e), bytes.fromhex(dleq.s), bytes.fromhex(dleq.r))


def _checked(mint: str, unit: str, coins: list[Coin]) -> Token:
    if unit.lower() != SAT:
        raise TokenInvalid("The token is not in sats.", now="Send a token of unit sat.")
    if not coins:
        raise TokenInvalid("The token holds no coins.")
    if len(coins) > MAX_TOKEN_COINS:
        raise TokenInvalid("The token holds too many coins.", now=f"At most {MAX_TOKEN_COINS} fit into one.")
    if len({coin.secret for coin in coins}) != len(coins):
        raise TokenInvalid("The token holds the same coin twice.")
    if total(coins) > MAX_SAT:
        raise TokenInvalid("The token claims more sats than there are.")
    for coin in coins:
        PublicKey(coin.signature)
    return Token(normalise(mint), tuple(coins))
