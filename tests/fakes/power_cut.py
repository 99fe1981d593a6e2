"""What is to be done by hand when the reference mint was killed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from desktop.network.local.mint import LocalMint


def unlock_coins(mint: LocalMint) -> None:
    """Do what the reference mint forgets at its start: unlock the coins of swaps that died with it.

    It locks a swap's inputs in one transaction and swaps them in the next. Killed between the two, it calls these
    coins pending for ever; nobody lost them, and nobody can have them. Call it while the mint is down.
    """
    if mint.pid is not None:
        raise RuntimeError("a living mint's locks are its own")
    with closing(sqlite3.connect(mint.log.parent / "database" / "mint.sqlite3")) as db, db:
        db.execute("DELETE FROM proofs_pending WHERE melt_quote IS NULL")
