"""What wallet and mint say to each other (NUT-01 … NUT-09, NUT-23). Unknown fields in answers are ignored."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from desktop.wallet.amounts import MAX_SAT

MOST_ITEMS: Final = 1000

Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_SAT)]
Hex33 = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{66}$")]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
KeysetName = Annotated[str, msgspec.Meta(min_length=1, max_length=66)]
Unit = Annotated[str, msgspec.Meta(max_length=64)]
QuoteId = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[\w\-.~]+$")]
Invoice = Annotated[str, msgspec.Meta(max_length=8192)]
State = Annotated[str, msgspec.Meta(max_length=32)]
FeePpk = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
UnixTime = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class KeysetHeader(msgspec.Struct):
    """One line of `GET /v1/keysets`."""

    id: KeysetName
    unit: Unit
    active: bool
    input_fee_ppk: FeePpk | None = None
    final_expiry: UnixTime | None = None


class KeysetList(msgspec.Struct):
    """The answer to `GET /v1/keysets`."""

    keysets: Annotated[list[KeysetHeader], msgspec.Meta(max_length=MOST_ITEMS)]


class KeysetKeys(msgspec.Struct):
    """The keys of one keyset; what else the mint says there, the list above said already."""

    id: KeysetName
    keys: dict[str, Hex33]


class KeysAnswer(msgspec.Struct):
    """The answer to `GET /v1/keys/{id}`."""

    keysets: Annotated[list[KeysetKeys], msgspec.Meta(max_length=MOST_ITEMS)]


class Supported(msgspec.Struct):
    """Whether the mint has an optional NUT."""

    supported: bool = False


class Abilities(msgspec.Struct):
    """The optional NUTs the wallet cannot do without."""

    state_check: Supported = msgspec.field(name="7", default_factory=Supported)
    restore: Supported = msgspec.field(name="9", default_factory=Supported)
    dleq: Supported = msgspec.field(name="12", default_factory=Supported)


class Info(msgspec.Struct):
    """The part of `GET /v1/info` (NUT-06) that matters here."""

    nuts: Abilities


class DleqMessage(msgspec.Struct):
    """The mint's proof that it signed with the key it published (NUT-12)."""

    e: Hex32
    s: Hex32


class Signature(msgspec.Struct):
    """A blind signature (NUT-00)."""

    id: KeysetName
    amount: Amount
    point: Hex33 = msgspec.field(name="C_")
    dleq: DleqMessage | None = None


Signatures = Annotated[list[Signature], msgspec.Meta(max_length=MOST_ITEMS)]


class SignatureList(msgspec.Struct):
    """The answer to a swap (NUT-03) or to minting (NUT-04)."""

    signatures: Signatures


class BlindedMessage(msgspec.Struct):
    """An output: what the mint is asked to sign (NUT-00)."""

    amount: Amount
    id: KeysetName
    point: Hex33 = msgspec.field(name="B_")


class RestoreAnswer(msgspec.Struct):
    """The outputs the mint has signed before, each with its signature at the same place (NUT-09)."""

    outputs: Annotated[list[BlindedMessage], msgspec.Meta(max_length=MOST_ITEMS)]
    signatures: Signatures


class CoinState(msgspec.Struct):
    """What the mint knows of one coin (NUT-07)."""

    y: Hex33 = msgspec.field(name="Y")
    state: State = ""


class StateAnswer(msgspec.Struct):
    """The answer to `POST /v1/checkstate`."""

    states: Annotated[list[CoinState], msgspec.Meta(max_length=MOST_ITEMS)]


class MintQuoteAnswer(msgspec.Struct):
    """An invoice to pay for new coins (NUT-23)."""

    quote: QuoteId
    request: Invoice
    state: State = "UNPAID"
    expiry: int | None = None


class MeltQuoteAnswer(msgspec.Struct):
    """The price of paying an invoice, and later how that went (NUT-23, NUT-08)."""

    quote: QuoteId
    amount: Amount
    fee_reserve: Amount
    state: State = "UNPAID"
    expiry: int | None = None
    payment_preimage: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    change: Signatures | None = None


class ErrorAnswer(msgspec.Struct):
    """The mint's no (NUT-00). Its text is not read: it may quote secrets."""

    code: int = 0
