"""What a wallet gives back. Amounts are sat. None shows a token, secret or quote in its `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """What a token says of itself, before any mint was asked. `amount_sat` is its face value.

    `digest` is the same for the same coins however the token is written, and safe to keep.
    """

    mint: str
    unit: str
    amount_sat: int
    coins: int
    digest: str


@dataclass(frozen=True, slots=True)
class Received:
    """Money that is ours and final: `amount_sat` arrived of `gross_sat`; the mint kept `fee_sat`."""

    amount_sat: int
    fee_sat: int
    mint: str
    gross_sat: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A token that left. `token` is a bearer secret.

    `amount_sat` is what was asked for and `face_sat` the token's face value; they differ only where the receiver's fee
    was included. `fee_sat` is what making the token cost us besides, so that `face_sat + fee_sat` left the balance.
    """

    token: str = field(repr=False)
    amount_sat: int
    face_sat: int
    fee_sat: int
    mint: str


@dataclass(frozen=True, slots=True)
class MintQuote:
    """An invoice that turns into coins once it is paid. Whoever knows `id` can take them, so `repr` hides it."""

    id: str = field(repr=False)
    mint: str
    amount_sat: int
    invoice: str
    expires_at_s: int | None


@dataclass(frozen=True, slots=True)
class MeltQuote:
    """The price of paying an invoice: `amount_sat`, up to `fee_reserve_sat` for Lightning, and the mint's input fee."""

    id: str = field(repr=False)
    mint: str
    amount_sat: int
    fee_reserve_sat: int
    invoice: str
    expires_at_s: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A Lightning payment that went through. `fee_sat` is all it cost besides: Lightning and the mint."""

    amount_sat: int
    fee_sat: int
    mint: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What a mint still owes to our seed. `pending_sat` is caught up in a payment; restore again when it is over."""

    mint: str
    restored_sat: int
    pending_sat: int


@dataclass(frozen=True, slots=True)
class MintCheck:
    """Our coins as the mint sees them (NUT-07). They agree if `spent_sat` is 0: nobody spent what we believe ours."""

    mint: str
    held_sat: int
    pending_sat: int
    spent_sat: int

    @property
    def agrees(self) -> bool:
        """Whether the mint confirms every sat we count."""
        return self.spent_sat == 0
