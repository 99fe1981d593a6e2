from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.wallet.derivation import derivation_path
from desktop.wallet.keyset import Keyset, derive_keyset_id, is_keyset_id, matches, parse_keys
from tests.wallet.nut_vectors import vectors

NUT01 = vectors("nut01")
NUT02 = vectors("nut02")


@pytest.mark.parametrize("keys", NUT01["rejected"])
def test_malformed_keysets_of_nut01_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_keys(keys)


@pytest.mark.parametrize("keys", NUT01["accepted"])
def test_good_keysets_of_nut01_are_read(keys: dict[str, str]) -> None:
    parsed = parse_keys(keys)
    assert [str(amount) for amount in parsed] == list(keys)
    keyset = Keyset("00" * 8, "sat", active=True, fee_ppk=0, final_expiry=None, keys=parsed)
    for amount, text in keys.items():
        key = keyset.point(int(amount))
        assert key is not None
        assert key.format().hex() == text
    assert keyset.point(3) is None


@pytest.mark.parametrize("vector", NUT02["keysets"], ids=lambda vector: vector["id"])
def test_ids_of_nut02_are_derived(vector: dict[str, object]) -> None:
    keys = parse_keys(vector["keys"])  # type: ignore[arg-type]  # JSON
    version = str(vector["id"])[:2]
    fee, expiry = vector["input_fee_ppk"], vector["final_expiry"]
    assert isinstance(fee, int)
    assert expiry is None or isinstance(expiry, int)
    assert derive_keyset_id(version, keys, unit="sat", fee_ppk=fee, final_expiry=expiry) == vector["id"]
    assert is_keyset_id(str(vector["id"]))


@pytest.mark.parametrize(
    "keys",
    [{}, {"0": "02" * 33}, {"-1": "02" * 33}, {"x": "02" * 33}, {"²": "02" * 33}, {"1": "zz"}, {"9" * 30: "02" * 33}],
)
def test_nonsense_is_not_a_keyset(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_keys(keys)


def test_a_denomination_given_twice_is_refused() -> None:
    key = next(iter(NUT01["accepted"][0].values()))
    with pytest.raises(ValueError, match="twice"):
        parse_keys({"1": key, "01": key})


def test_too_many_keys_are_refused() -> None:
    key = next(iter(NUT01["accepted"][0].values()))
    with pytest.raises(ValueError, match="128"):
        parse_keys({str(amount): key for amount in range(1, 200)})


@given(st.text(max_size=70))
def test_only_hex_of_known_versions_and_lengths_is_an_id(text: str) -> None:
    if is_keyset_id(text):
        assert (text[:2], len(text)) in {("00", 16), ("01", 66)}
        bytes.fromhex(text)


def test_unknown_versions_are_refused() -> None:
    assert not is_keyset_id("02" + "0" * 64)
    with pytest.raises(ValueError, match="version"):
        derive_keyset_id("02", {1: b""}, unit="sat")


def test_short_ids_stand_for_long_ones() -> None:
    keyset_id = NUT02["keysets"][2]["id"]
    assert matches(keyset_id[:16], keyset_id)
    assert matches(keyset_id, keyset_id)
    assert not matches(keyset_id[:14], keyset_id)
    assert not matches("00" * 8, keyset_id)


def test_keysets_that_would_share_secrets_have_one_path() -> None:
    """Version 00 ids whose numbers agree modulo 2^31-1 derive the same secrets."""
    first = "0000000000000001"
    second = (1 + 2**31 - 1).to_bytes(8, "big").hex()
    assert derivation_path(first) == derivation_path(second)
    assert derivation_path("01" + "a" * 64) != derivation_path("01" + "b" * 64)
