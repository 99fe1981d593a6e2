"""The wallet as a buyer needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SentMoney(Protocol):
    """A token made of our coins. Whoever takes it gets `amount_sat`; it cost us `fee_sat` more."""

    @property
    def token(self) -> str:
        """The token: a bearer secret."""
        ...

    @property
    def amount_sat(self) -> int:
        """What its taker gets at least."""
        ...

    @property
    def fee_sat(self) -> int:
        """What mints took for it."""
        ...


class ReceivedMoney(Protocol):
    """Coins that are ours now: `amount_sat` of them, after the mint kept `fee_sat`."""

    @property
    def amount_sat(self) -> int:
        """What came in."""
        ...

    @property
    def fee_sat(self) -> int:
        """What the mint kept."""
        ...


class ReadToken(Protocol):
    """What a token says about itself."""

    @property
    def mint(self) -> str:
        """Who would have to honour it."""
        ...

    @property
    def amount_sat(self) -> int:
        """Its face value."""
        ...


class Purse(Protocol):
    """Blocking; called from threads. Raises PaymentError and its kinds.

    One `reference` names one movement of money: asked again, even after a crash, the same one comes back.
    """

    def send(self, amount_sat: int, mint: str, *, reference: str) -> SentMoney:
        """A token of ours for somebody else."""
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

    def inspect(self, token: str) -> ReadToken:
        """Read a token without asking its mint; TokenInvalid."""
        ...
