"""Payment requests (NUT-18, `creqA…`): what a seller asks for, as a 402 answer carries it (NUT-24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from desktop.domain.errors import RequestError
from desktop.wallet import cbor
from desktop.wallet.keyset import SAT

_PREFIX: Final = "creqA"
_MOST_CHARACTERS: Final = 20_000

_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_Tag = Annotated[list[_Text], msgspec.Meta(max_length=64)]
_Tags = Annotated[list[_Tag], msgspec.Meta(max_length=64)]


class Transport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way to deliver the coins: kind `t` (`nostr`, `post`), target `a`, tags `g`. None given means: in band."""

    t: _Text
    a: _Text
    g: _Tags | None = None


class Lock(msgspec.Struct, frozen=True, omit_defaults=True):
    """A spending condition the seller asks for (NUT-10): kind `k`, data `d`, tags `t`."""

    k: _Text
    d: _Text
    t: _Tags | None = None


class _Body(msgspec.Struct, omit_defaults=True):
    i: _Text | None = None
    a: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    u: _Text | None = None
    s: bool | None = None
    m: Annotated[list[_Text], msgspec.Meta(max_length=256)] | None = None
    d: _Text | None = None
    t: Annotated[list[Transport], msgspec.Meta(max_length=64)] | None = None
    nut10: Lock | None = None


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A request for `amount` of `unit` from one of `mints` (any, if empty). None stands for "not said"."""

    amount: int | None = None
    unit: str | None = SAT
    mints: tuple[str, ...] = ()
    description: str | None = None
    id: str | None = None
    single_use: bool | None = None
    transports: tuple[Transport, ...] = ()
    lock: Lock | None = None


def encode(request: PaymentRequest) -> str:
    """The request as text. The unit must be given wherever the amount is."""
    if request.amount is not None and request.unit is None:
        raise ValueError("an amount needs a unit")
    body = _Body(
        i=request.id,
        a=request.amount,
        u=request.unit,
        s=request.single_use,
        m=list(request.mints) or None,
        d=request.description,
        t=list(request.transports) or None,
        nut10=request.lock,
    )
    return _PREFIX + cbor.pack(msgspec.to_builtins(body))


def decode(text: str) -> PaymentRequest:
    """Read a `creqA…` text. Raises RequestError. The bech32 form `creqB` (NUT-26) is not covered."""
    text = text.strip()
    if not text.startswith(_PREFIX) or len(text) > _MOST_CHARACTERS:
        raise RequestError("This is not a payment request we can read.", why="It does not start with creqA.")
    try:
        body = msgspec.convert(cbor.unpack(text.removeprefix(_PREFIX)), type=_Body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise RequestError("This is not a payment request we can read.", now="Ask for a new one.") from None
    if body.a is not None and body.u is None:
        raise RequestError("The payment request names an amount without a unit.")
    return PaymentRequest(
        amount=body.a,
        unit=body.u,
        mints=tuple(body.m or ()),
        description=body.d,
        id=body.i,
        single_use=body.s,
        transports=tuple(body.t or ()),
        lock=body.nut10,
    )
