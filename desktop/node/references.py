"""The names under which wallet and ledger know one movement of money.

The wallet keeps a reference with each operation, the ledger refuses to book one twice. A reference tells where its
money belongs, so that a start after a crash can book what is missing from the wallet's word alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Why the wallet moved money."""

    DEPOSIT = "deposit"
    CHANGE = "change"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference taken apart; `account` is empty for the owner's own movements."""

    purpose: Purpose
    account: str


def token_account(digest: str) -> str:
    """The account of one token that pays for one request."""
    return f"token-{digest[:40]}"


def key_account(key_hash: str) -> str:
    """The account behind a session key."""
    return f"key-{key_hash[:40]}"


def deposit(account: str, token_digest: str) -> str:
    """A buyer's token comes in."""
    return f"{Purpose.DEPOSIT}/{account}/{token_digest[:40]}"


def change(account: str) -> str:
    """A buyer's account is paid back; each account once."""
    return f"{Purpose.CHANGE}/{account}"


def owner(name: str) -> str:
    """The owner's own movement: a top-up, a payout, a question asked elsewhere."""
    return f"{Purpose.OWNER}/{name}"


def parse(reference: str) -> Reference | None:
    """What a reference says; None for one that is not ours."""
    purpose, _, rest = reference.partition("/")
    if purpose not in set(Purpose):
        return None
    account = "" if purpose == Purpose.OWNER else rest.partition("/")[0]
    return Reference(Purpose(purpose), account)
