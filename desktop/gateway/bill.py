"""The bill of one request, checked against the price the provider announced and signed (RIP-05, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage


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
