from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import httpx
import pytest
import requests

from desktop.domain.errors import SettingsError, Unavailable
from desktop.network.local.mint import PYTHONS, LocalMint, ensure_environment
from desktop.resources import resource

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def environment() -> Path:
    path = ROOT / ".venv-mint"
    ensure_environment(path)
    return path


def keysets(mint: LocalMint) -> object:
    return requests.get(f"{mint.url}/v1/keysets", timeout=60).json()


def quote(mint: LocalMint) -> dict[str, str]:
    answer = requests.post(f"{mint.url}/v1/mint/quote/bolt11", json={"amount": 5, "unit": "sat"}, timeout=60)
    quote: dict[str, str] = answer.json()
    return quote


def test_a_mint_keeps_its_address_keys_and_books_however_it_ends(environment: Path, tmp_path: Path) -> None:
    mint = LocalMint(environment, tmp_path)
    mint.start()
    url, before, made = mint.url, keysets(mint), quote(mint)
    mint.kill()
    assert mint.pid is None
    with pytest.raises(requests.ConnectionError):
        keysets(mint)
    again = LocalMint(environment, tmp_path)
    with again:
        assert again.url == url
        assert keysets(again) == before
        known = requests.get(f"{url}/v1/mint/quote/bolt11/{made['quote']}", timeout=60).json()
        assert known["request"] == made["request"]
        again.start()  # running already: nothing happens
    assert again.pid is None
    again.stop()


async def test_a_mint_settles_its_own_invoices_and_charges_fees(environment: Path, tmp_path: Path) -> None:
    async with LocalMint(environment, tmp_path) as mint, httpx.AsyncClient(base_url=f"{mint.url}/v1") as client:
        made = (await client.post("/mint/quote/bolt11", json={"amount": 5, "unit": "sat"})).json()
        assert (await client.get(f"/mint/quote/bolt11/{made['quote']}")).json()["state"] == "PAID"
        (keyset,) = (await client.get("/keysets")).json()["keysets"]
        assert keyset["input_fee_ppk"] == 100


def test_settings_reach_the_mint_and_secrets_reach_nobody(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINT_INPUT_FEE_PPK", "700")  # of our own environment: must not count
    with LocalMint(environment, tmp_path, settings={"MINT_INFO_NAME": "Play money"}) as mint:
        assert requests.get(f"{mint.url}/v1/info", timeout=60).json()["name"] == "Play money"
        (keyset,) = requests.get(f"{mint.url}/v1/keysets", timeout=60).json()["keysets"]
        assert keyset["input_fee_ppk"] == 100
        key = (tmp_path / "private-key").read_bytes()
        assert len(key) == 64
        if sys.platform == "linux":
            process = Path(f"/proc/{mint.pid}")
            assert key not in (process / "cmdline").read_bytes()
            assert key not in (process / "environ").read_bytes()
        assert key not in mint.log.read_bytes()
    if sys.platform != "win32":
        for name in ("private-key", ".env"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_two_mints_are_two(environment: Path, tmp_path: Path) -> None:
    with LocalMint(environment, tmp_path / "a") as first, LocalMint(environment, tmp_path / "b") as second:
        assert first.url != second.url
        assert keysets(first) != keysets(second)


def test_a_mint_that_cannot_start_says_where_its_reasons_are(environment: Path, tmp_path: Path) -> None:
    mint = LocalMint(environment, tmp_path, settings={"MINT_BACKEND_BOLT11_SAT": "NoSuchBackend"})
    with pytest.raises(Unavailable, match=r"mint\.log"):
        mint.start()
    assert mint.pid is None
    assert b"NoSuchBackend" in mint.log.read_bytes()


def test_without_its_environment_a_mint_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make setup"):
        LocalMint(tmp_path / "nowhere", tmp_path).start()
    with pytest.raises(RuntimeError):
        _ = LocalMint(tmp_path, tmp_path).url


def test_an_environment_that_is_there_is_not_made_again(environment: Path) -> None:
    said: list[str] = []
    ensure_environment(environment, said.append)
    assert said == []


def test_every_package_of_the_mint_is_exact() -> None:
    lines = [
        line for line in resource("mint-requirements.txt").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert all("==" in line for line in lines)
    assert "cashu==0.20.2" in lines
    assert sys.version_info[:2] in PYTHONS
    assert os.sep not in "".join(lines)
