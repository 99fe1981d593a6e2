from __future__ import annotations

import pytest
from coincurve import PrivateKey

from desktop.domain.derivation import HARDENED as H
from desktop.domain.derivation import ExtendedKey

# BIP-32, test vectors 1, 2 and 3 (the last one keeps leading zeros). Keys as in their extended strings.
VECTOR_1 = "000102030405060708090a0b0c0d0e0f"
VECTOR_2 = (
    "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a57"
    "54514e4b484542"
)
VECTOR_3 = (
    "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e"
    "5a3c51c73235be"
)


def public_key(secret: bytes) -> bytes:
    return bytes(PrivateKey(secret).public_key.format())


@pytest.mark.parametrize(
    ("seed", "path", "secret"),
    [
        (VECTOR_1, [], "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35"),
        (VECTOR_1, [H], "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea"),
        (VECTOR_1, [H, 1], "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368"),
        (VECTOR_1, [H, 1, 2 + H], "cbce0d719ecf7431d88e6a89fa1483e02e35092af60c042b1df2ff59fa424dca"),
        (VECTOR_1, [H, 1, 2 + H, 2], "0f479245fb19a38a1954c5c7c0ebab2f9bdfd96a17563ef28a6a4b1a2a764ef4"),
        (VECTOR_1, [H, 1, 2 + H, 2, 10**9], "471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8"),
        (VECTOR_2, [], "4b03d6fc340455b363f51020ad3ecca4f0850280cf436c70c727923f6db46c3e"),
        (VECTOR_2, [0, 2**31 - 1 + H], "877c779ad9687164e9c2f4f0f4ff0340814392330693ce95a58fe18fd52e6e93"),
        (VECTOR_3, [], "00ddb80b067e0d4993197fe10f2657a844a384589847602d56f0c629c81aae32"),
        (VECTOR_3, [H], "491f7a2eebc7b57028e0d3faa0acda02e75c33b03c48fb288c41e2ea44e1daef"),
    ],
)
def test_keys_are_those_of_the_standard(seed: str, path: list[int], secret: str) -> None:
    assert ExtendedKey.from_seed(bytes.fromhex(seed)).derive(path, public_key).secret.hex() == secret


def test_a_path_may_be_walked_in_parts() -> None:
    root = ExtendedKey.from_seed(bytes.fromhex(VECTOR_1))

    assert root.derive([H, 1], public_key).derive([2 + H], public_key) == root.derive([H, 1, 2 + H], public_key)


def test_printing_a_key_shows_nothing() -> None:
    assert repr(ExtendedKey.from_seed(bytes(32))) == "ExtendedKey(…)"
