"""A real mint for the wallet's tests, and money to play with."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from desktop.network.local.mint import LocalMint, ensure_environment
from desktop.wallet.wallet import Wallet
from tests.wallet.between import Between

ROOT = Path(__file__).parents[2]
MINT_ENVIRONMENT = ROOT / ".venv-mint"

OpenWallet = Callable[..., Wallet]


@pytest.fixture(scope="session")
def mint_environment() -> Path:
    ensure_environment(MINT_ENVIRONMENT)
    return MINT_ENVIRONMENT


@pytest.fixture(scope="session")
def mint(mint_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMint]:
    """The reference mint, charging 100 ppk. One for all tests: whoever stops or kills a mint makes another."""
    with LocalMint(mint_environment, tmp_path_factory.mktemp("mint")) as running:
        yield running


@pytest.fixture(scope="session")
def other_mint(mint_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMint]:
    """A second mint, so that there are Lightning invoices the first one has to pay outside."""
    with LocalMint(mint_environment, tmp_path_factory.mktemp("other-mint")) as running:
        yield running


@pytest.fixture
def open_wallet(tmp_path: Path, mint: LocalMint) -> Iterator[OpenWallet]:
    """Opens wallets by name, each name with its own seed, accepting the session's mint unless told otherwise."""
    opened: list[Wallet] = []
    seeds: dict[str, bytes] = {}

    def open_one(
        name: str = "wallet",
        *,
        accepted: tuple[str, ...] | None = None,
        seed: bytes | None = None,
        between: Between | None = None,
    ) -> Wallet:
        wallet = Wallet.open(
            tmp_path / name,
            seeds.setdefault(name, seed or os.urandom(64)),
            (mint.url,) if accepted is None else accepted,
            new_session=(between or Between()).session,
        )
        opened.append(wallet)
        return wallet

    yield open_one
    for wallet in opened:
        wallet.close()


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Children that start fast: forked from a server that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.wallet.dealer"])
    return context
