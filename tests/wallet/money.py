"""Play money for tests."""

from __future__ import annotations

import uuid

from desktop.wallet.wallet import Wallet


def fund(wallet: Wallet, sat: int, mint: str) -> None:
    """Mint that many sats; the local mint settles its own invoices."""
    wallet.mint_tokens(wallet.mint_quote(sat, mint))


def token_of(wallet: Wallet, sat: int, mint: str) -> str:
    """A token of new money worth that many sats, made by that wallet, of so few coins that taking it costs 1 sat."""
    fund(wallet, 4 * sat, mint)
    return wallet.send(sat, mint, reference=uuid.uuid4().hex).token
