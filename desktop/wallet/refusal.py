"""A mint saying no. Stays inside the wallet: callers get the domain's errors."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The error codes of the NUTs that the wallet acts upon."""

    UNKNOWN = 0
    PROOF_INVALID = 10001
    SPENT = 11001
    PENDING = 11002
    OUTPUTS_SIGNED = 11003
    OUTPUTS_PENDING = 11004
    NOT_BALANCED = 11005
    AMOUNT_OUTSIDE_LIMITS = 11006
    KEYSET_UNKNOWN = 12001
    KEYSET_INACTIVE = 12002
    KEYSET_EXPIRED = 12003
    QUOTE_UNPAID = 20001
    QUOTE_ISSUED = 20002
    PAYMENT_FAILED = 20004
    QUOTE_PENDING = 20005
    INVOICE_PAID = 20006
    QUOTE_EXPIRED = 20007


class MintRefusal(Exception):
    """The mint answered, and refused. It keeps the code alone: a mint may quote secrets in its explanation."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the mint refused with code {code}")
        self.code = code
