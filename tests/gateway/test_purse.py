"""The real wallet is the purse the gateway asks for."""

from __future__ import annotations

from pathlib import Path

from desktop.gateway.purse import Purse
from desktop.wallet.wallet import Wallet


def test_the_wallet_fits(tmp_path: Path) -> None:
    with Wallet.open(tmp_path, b"\x01" * 64, ["http://127.0.0.1:9"]) as wallet:
        purse: Purse = wallet
        assert dict(purse.balance()) == {}
        assert purse.reclaim("ask/never sent") is None
