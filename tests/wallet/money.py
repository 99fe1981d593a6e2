"""Play money for tests."""

from __future__ import annotations

from desktop.wallet.wallet import Wallet


def fund(wallet: Wallet, sat: int, mint: str) -> None:
    """Mint that many sats; the local mint settles its own invoices."""
    wallet.mint_tokens(wallet.mint_quote(sat, mint))
