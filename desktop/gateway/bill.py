"""The bill of one request, checked against the price the provider announced and signed (RIP-05, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.domain.receipt import SignedReceipt
from desktop.network.directory.announcement import Listing, Provider
from desktop.proof.receipts import verify


@dataclass(frozen=True, slots=True)
class Bill:
    """What went out and came back.

    `paid` is what the provider could keep, `change` what it gave back, `fees` what mints took from us besides, both
    ways. `charged` is what the provider says it took, `expected` what its price says. With a session key nothing goes
    out or comes back per request: `paid` and `change` are zero. `complaint` is empty if all of it agrees.
    """

    paid: Money
    change: Money
    fees: Money
    charged: Money | None
    expected: Money | None
    usage: Usage | None
    complaint: str = ""

    @property
    def spent(self) -> Money:
        """What is missing in the wallet now."""
        return self.paid - self.change + self.fees

    @property
    def honest(self) -> bool:
        """Whether the provider took what its price says and no more."""
        return not self.complaint


def complaint_about(
    price: Price,
    most: Usage,
    *,
    usage: Usage | None,
    charged: Money | None,
    paid_sat: int | None,
    change_face_sat: int,
) -> str:
    """Why a bill is wrong, or nothing. `most` bounds an honest count; `paid_sat` is None for a session key.

    A provider may take less than its price; a sat is the smallest change there is, so a fraction of one may stay.
    """
    if usage is None:
        return "The provider did not say how many tokens it counted."
    if usage.prompt_tokens > most.prompt_tokens or usage.completion_tokens > most.completion_tokens:
        return (
            f"The provider counted {usage.prompt_tokens} + {usage.completion_tokens} tokens; "
            f"there cannot be more than {most.prompt_tokens} + {most.completion_tokens}."
        )
    expected = price.cost(usage)
    if charged is not None and charged > expected:
        return f"The provider charged {charged}; its price says {expected}."
    if paid_sat is not None and change_face_sat < paid_sat - expected.ceil_sat:
        kept = Money.from_sat(paid_sat - change_face_sat)
        return f"The provider kept {kept}; its price says {expected}."
    return ""


def complaint_about_receipt(signed: SignedReceipt, provider: Provider, listing: Listing, bill: Bill) -> str:
    """Why a receipt is no proof of this bill, or nothing: signed by whom, for which model, for how much.

    A provider may give no receipt; one that gives a receipt must give a true one.
    """
    receipt = signed.receipt
    if receipt.node != provider.public_key or not verify(signed):
        return "The receipt is not signed by the provider that was asked."
    if receipt.model_id != listing.id or (listing.digest and receipt.model_digest != listing.digest):
        return "The receipt is for another model than the one on offer."
    counted = Usage(receipt.prompt_tokens, receipt.completion_tokens)
    charged = Money(receipt.charged_msat)
    if bill.usage not in {None, counted} or bill.charged not in {None, charged}:
        return "The receipt and the bill name different amounts."
    return ""
