"""Ecash without cryptography: tokens that one imaginary mint honours once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from desktop.domain.errors import FundsShort, MintUnreachable, TokenInvalid, TokenSpent, TokenWorthless

MINT = "https://mint.example.com"


@dataclass
class ImaginaryMint:
    """Knows every token's value, and which are spent. Takes `fee_sat` of each that is redeemed."""

    url: str = MINT
    fee_sat: int = 0
    away: bool = False
    value: dict[str, int] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    fees_sat: int = 0
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def issue(self, amount_sat: int) -> str:
        token = f"cashuBimaginary{next(self._numbers)}"
        self.value[token] = amount_sat
        return token

    def redeem(self, token: str) -> int:
        if self.away:
            raise MintUnreachable("The mint is away.")
        if token not in self.value:
            raise TokenInvalid("Not a token.")
        if token in self.spent:
            raise TokenSpent("Spent.")
        if self.value[token] <= self.fee_sat:
            raise TokenWorthless("Too small.")
        self.spent.add(token)
        self.fees_sat += self.fee_sat
        return self.value[token] - self.fee_sat

    @property
    def outstanding_sat(self) -> int:
        return sum(value for token, value in self.value.items() if token not in self.spent)


@dataclass(frozen=True)
class Movement:
    token: str
    amount_sat: int
    face_sat: int
    fee_sat: int

    @property
    def gross_sat(self) -> int:
        return self.face_sat


class ImaginaryPurse:
    """A wallet at that mint; survives the crash of whoever uses it, like the real one."""

    def __init__(self, mint: ImaginaryMint, funds_sat: int) -> None:
        self.mint = mint
        self.funds_sat = funds_sat
        self._sent: dict[str, Movement] = {}
        self._received: dict[str, Movement] = {}

    def send(self, amount_sat: int, mint: str, *, reference: str, include_receive_fee: bool) -> Movement:
        if reference not in self._sent:
            face_sat = amount_sat + (self.mint.fee_sat if include_receive_fee else 0)
            if mint != self.mint.url or face_sat > self.funds_sat:
                raise FundsShort("Too little.")
            self.funds_sat -= face_sat
            self._sent[reference] = Movement(self.mint.issue(face_sat), amount_sat, face_sat, 0)
        return self._sent[reference]

    def receive(self, token: str, *, reference: str) -> Movement:
        if reference not in self._received:
            amount_sat = self.mint.redeem(token)
            self.funds_sat += amount_sat
            self._received[reference] = Movement(token, amount_sat, self.mint.value[token], self.mint.fee_sat)
        return self._received[reference]

    def reclaim(self, reference: str) -> Movement | None:
        sent = self._sent.get(reference)
        if sent is None:
            return None
        try:
            return self.receive(sent.token, reference=f"{reference}/reclaim")
        except TokenSpent:
            return None

    def balance(self) -> Mapping[str, int]:
        return {self.mint.url: self.funds_sat}
