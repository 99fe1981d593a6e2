from __future__ import annotations

import pytest
from mnemonic import Mnemonic

from desktop.wallet.derivation import SecretSource, keyset_number
from tests.wallet.nut_vectors import vectors

NUT13 = vectors("nut13")
SEED = Mnemonic.to_seed(NUT13["mnemonic"])


@pytest.mark.parametrize("vector", NUT13["versions"], ids=lambda vector: vector["keyset_id"][:4])
@pytest.mark.parametrize("counter", range(5))
def test_secrets_and_factors_are_those_of_nut13(vector: dict[str, list[str]], counter: int) -> None:
    blank = SecretSource(SEED).blank(str(vector["keyset_id"]), counter)
    assert blank.secret == vector["secrets"][counter]
    assert blank.factor.hex() == vector["factors"][counter]


def test_the_number_of_a_keyset_is_that_of_nut13() -> None:
    vector = NUT13["versions"][0]
    assert keyset_number(vector["keyset_id"]) == vector["keyset_int"]


def test_only_whole_seeds_and_known_versions_are_taken() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        SecretSource(b"short")
    with pytest.raises(ValueError, match="version"):
        SecretSource(SEED).blank("02" + "0" * 64, 0)


def test_secrets_do_not_show() -> None:
    source = SecretSource(SEED)
    shown = repr(source) + repr(source.blank("009a1f293253e41e", 0))
    assert SEED.hex() not in shown
    assert NUT13["versions"][0]["secrets"][0] not in shown
