"""Ledger and wallet while the version changes: copies to rehearse with, and to go back to from tables unknown here.

A version on trial takes no requests, so nothing is begun that the copies do not know of; what they hold half-done is
brought to its end when they are put back, as after a power cut: operations are replayed, and a mint that has heard them
gives the same answer again. The keys are never touched.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from desktop.domain.errors import DatabaseNewer
from desktop.ledger.copying import copy_ledger
from desktop.ledger.storage import Storage as LedgerStorage
from desktop.wallet.copying import copy_wallet
from desktop.wallet.storage import Storage as WalletStorage

LEDGER: Final = "ledger.db"
WALLET: Final = "wallet.db"
COPIES: Final = "before-update"
_BESIDE: Final = ("-wal", "-shm")


class Records:
    """Those of the data folder `data`."""

    def __init__(self, data: Path) -> None:
        self._ledger = data / LEDGER
        self._wallet = data / "wallet" / WALLET
        self._copies = data / COPIES

    def copy_to(self, folder: Path) -> None:
        """Copies of both, where they are, in a private folder. Raises StorageUnusable."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._ledger.exists():
            copy_ledger(self._ledger, folder / LEDGER)
        if self._wallet.exists():
            copy_wallet(self._wallet, folder / WALLET)

    def keep(self) -> None:
        """Copies to go back to, all of them or none. Nothing may be running. Raises StorageUnusable."""
        self.forget()
        part = self._copies.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        self.copy_to(part)
        part.replace(self._copies)

    def put_back(self) -> None:
        """Put back those that this version cannot read any more, and forget the copies. Doing it again is no harm.

        Raises StorageUnusable; the copies are there until both can be read.
        """
        for live in (self._ledger, self._wallet):
            copy = self._copies / live.name
            if copy.exists() and not known(live):
                for suffix in _BESIDE:
                    live.with_name(live.name + suffix).unlink(missing_ok=True)
                copy.replace(live)
        self.forget()

    def forget(self) -> None:
        """Take the copies away: money that was spent since must not come back with them."""
        shutil.rmtree(self._copies, ignore_errors=True)


def known(database: Path) -> bool:
    """Whether this version knows all that is in a ledger or a wallet; brings it up to date. Raises StorageUnusable."""
    try:
        if database.name == LEDGER:
            LedgerStorage.open_to_write(database).close()
        else:
            WalletStorage.open(database).close()
    except DatabaseNewer:
        return False
    return True


def rehearse(folder: Path) -> None:
    """Open copies that `Records.copy_to` made, as a start would. Raises DatabaseNewer or StorageUnusable."""
    for name in (LEDGER, WALLET):
        if (folder / name).exists() and not known(folder / name):
            raise DatabaseNewer(f"{name} was written by a later version of Hearth.")
