"""The wallet as a buyer needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SentMoney(Protocol):
    """A token made of our coins, worth `amount_sat` to its taker, whose fee its face value includes."""

    @property
    def token(self) -> str:
        """The token: a bearer secret."""
        ...

    @property
    def amount_sat(self) -> int:
        """What its taker gets at least."""
        ...

    @property
    def face_sat(self) -> int:
        """Its face value."""
        ...

    @property
    def fee_sat(self) -> int:
        """What making it cost us besides."""
        ...


class ReceivedMoney(Protocol):
    """Coins that are ours now: `amount_sat` of `gross_sat`, after the mint kept `fee_sat`."""

    @property
    def amount_sat(self) -> int:
        """What came in."""
        ...

    @property
    def fee_sat(self) -> int:
        """What the mint kept."""
        ...

    @property
    def gross_sat(self) -> int:
        """The face value of the token."""
        ...


class Purse(Protocol):
    """Blocking; called from threads. Raises PaymentError and its kinds.

    One `reference` names one movement of money: asked again, even after a crash, the same one comes back.
    """

    def send(self, amount_sat: int, mint: str, *, reference: str, include_receive_fee: bool) -> SentMoney:
        """A token of ours for somebody else, with what the mint will charge its taker if that is to be included."""
        ...

    def receive(self, token: str, *, reference: str) -> ReceivedMoney:
        """Make a token ours."""
        ...

    def reclaim(self, reference: str) -> ReceivedMoney | None:
        """Take back what was sent, if nobody has taken it yet; None if somebody has, or nothing was sent."""
        ...

    def balance(self) -> Mapping[str, int]:
        """Spendable sats by mint."""
        ...
