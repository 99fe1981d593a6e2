"""What every command that moves the owner's money does afterwards."""

from __future__ import annotations

from desktop.compose import Composition
from desktop.wallet.wallet import Wallet


async def book_owner_movements(home: Composition, wallet: Wallet) -> None:
    """Write into the ledger what the wallet did for the owner; a running node's own movements are left to it."""
    async with home.books() as books:
        await home.bookkeeping(wallet, books).catch_up()
