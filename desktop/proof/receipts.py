"""Receipts, signed by the node so that anybody can check them: see `desktop.proof.seal`.

What is signed is `receipt.canonical()`, under the tag "hearth/receipt/1".

Not covered: whether the work was done as told. A receipt proves who said it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from desktop.domain.errors import ReceiptInvalid
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.proof.seal import Seal, holds

TAG: Final = b"hearth/receipt/1"
MOST_BYTES: Final = 8192

_Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]
_Digest = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?\\Z")]
_Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}\\Z")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]  # what every JSON reader keeps exact


class _ReceiptForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    job_id: _Name
    node: _Hex32
    model_id: _Name
    model_digest: _Digest
    prompt_tokens: _Count
    completion_tokens: _Count
    charged_msat: _Count
    accepted_at_ms: _Count
    finished_at_ms: _Count
    outcome: _Name
    commitment: _Digest = ""


class _SignedForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    receipt: _ReceiptForm
    signature: _Hex64


class Signer:
    """Holds the node's secret key (32 bytes) and signs receipts with it; never shows it."""

    def __init__(self, secret: bytes) -> None:
        self._seal = Seal(secret, TAG)

    @property
    def public_key(self) -> str:
        """The x-only public key, hex: what belongs into `Receipt.node`."""
        return self._seal.public_key

    def sign(self, receipt: Receipt) -> SignedReceipt:
        """Sign a receipt of our own; ValueError if it names another node or would not pass `verify`."""
        if receipt.node != self.public_key:
            raise ValueError("a node signs its own receipts only")
        if _well_formed(receipt) is None:
            raise ValueError("a receipt that nobody could check is not signed")
        return SignedReceipt(receipt, self._seal.sign(receipt.canonical()))


def verify(signed: SignedReceipt) -> bool:
    """Whether the receipt is well formed and signed by the node it names. Never raises, whatever the fields hold."""
    receipt = _well_formed(signed.receipt)
    if receipt is None or not _is_signature(signed.signature):
        return False
    try:
        body = receipt.canonical()
    except UnicodeError:
        return False
    return holds(TAG, body, key=receipt.node, signature=signed.signature)


def encode(signed: SignedReceipt) -> bytes:
    """The receipt and its signature as JSON, for a file or a header."""
    return msgspec.json.encode(signed)


def decode(data: bytes | str) -> SignedReceipt:
    """Read what `encode` wrote, or somebody else did. Raises ReceiptInvalid; the signature is not checked here."""
    if len(data) > MOST_BYTES:
        raise ReceiptInvalid("This is no receipt.", why="It is far too long.")
    try:
        form = msgspec.json.decode(data, type=_SignedForm)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ReceiptInvalid("This is no receipt.", why=f"{error}.") from None
    return SignedReceipt(_receipt(form.receipt), form.signature)


def _well_formed(receipt: Receipt) -> Receipt | None:
    """The receipt rebuilt from validated values; None if a value is not what its type promises."""
    try:
        return _receipt(msgspec.convert(receipt, _ReceiptForm, from_attributes=True))
    except msgspec.ValidationError:
        return None


def _is_signature(signature: str) -> bool:
    try:
        msgspec.convert(signature, _Hex64)
    except msgspec.ValidationError:
        return False
    return True


def _receipt(form: _ReceiptForm) -> Receipt:
    return msgspec.convert(form, Receipt, from_attributes=True)
