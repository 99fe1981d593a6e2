from __future__ import annotations

import hashlib

import pytest
from coincurve import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.wallet.curve import (
    GROUP_ORDER,
    Dleq,
    blind,
    carried_dleq_holds,
    challenge,
    dleq_holds,
    hash_to_curve,
    negate,
    unblind,
)
from tests.wallet.nut_vectors import point, vectors

NUT00 = vectors("nut00")
NUT12 = vectors("nut12")
scalars = st.integers(min_value=1, max_value=GROUP_ORDER - 1).map(lambda value: value.to_bytes(32, "big"))


@pytest.mark.parametrize(("message", "expected"), NUT00["hash_to_curve"])
def test_messages_hash_to_the_points_of_nut00(message: str, expected: str) -> None:
    assert hash_to_curve(bytes.fromhex(message)).format().hex() == expected


@pytest.mark.parametrize("vector", NUT00["blinding"])
def test_blinding_is_that_of_nut00(vector: dict[str, str]) -> None:
    y = hash_to_curve(bytes.fromhex(vector["x"]))
    assert y.add(bytes.fromhex(vector["r"])).format().hex() == vector["B_"]


@pytest.mark.parametrize("vector", NUT00["signing"])
def test_a_signature_of_nut00_unblinds_to_the_key_times_the_point(vector: dict[str, str]) -> None:
    key = PrivateKey(bytes.fromhex(vector["k"]))
    blinded = point(vector["B_"])
    assert blinded.multiply(key.secret).format().hex() == vector["C_"]


@given(st.text(min_size=1, max_size=100), scalars, scalars)
@settings(max_examples=50)
def test_what_was_blinded_and_signed_unblinds_to_a_signature_on_the_secret(
    secret: str, factor: bytes, key: bytes
) -> None:
    public = PrivateKey(key).public_key
    signature = blind(secret, factor).multiply(key)
    assert unblind(signature, factor, public) == hash_to_curve(secret.encode()).multiply(key)


def test_the_challenge_is_the_hash_of_nut12() -> None:
    assert challenge(*map(point, NUT12["hash_e"]["inputs"])).hex() == NUT12["hash_e"]["hash"]


@pytest.mark.parametrize("name", ["signature", "nonce"])
def test_genuine_proofs_of_nut12_hold_and_changed_ones_do_not(name: str) -> None:
    vector = NUT12[name]
    raw = vector.get("dleq", vector)
    dleq = Dleq(bytes.fromhex(raw["e"]), bytes.fromhex(raw["s"]))
    key, blinded, signature = point(vector["A"]), point(vector["B_"]), point(vector["C_"])
    assert dleq_holds(dleq, key=key, blinded=blinded, signature=signature)
    assert not dleq_holds(Dleq(dleq.s, dleq.e), key=key, blinded=blinded, signature=signature)
    other = hash_to_curve(b"other")
    assert not dleq_holds(dleq, key=other, blinded=blinded, signature=signature)
    assert not dleq_holds(dleq, key=key, blinded=other, signature=signature)
    assert not dleq_holds(dleq, key=key, blinded=blinded, signature=other)


def test_a_proof_carried_by_a_user_is_checked_as_in_nut12() -> None:
    vector = NUT12["proof"]
    e, s, r = (bytes.fromhex(vector["dleq"][name]) for name in "esr")
    key, unblinded = point(vector["A"]), point(vector["C"])
    assert carried_dleq_holds(Dleq(e, s, r), key=key, secret=vector["secret"], unblinded=unblinded)
    assert not carried_dleq_holds(Dleq(e, s, s), key=key, secret=vector["secret"], unblinded=unblinded)
    assert not carried_dleq_holds(Dleq(e, s), key=key, secret=vector["secret"], unblinded=unblinded)
    assert not carried_dleq_holds(Dleq(e, s, r), key=key, secret=vector["C"], unblinded=unblinded)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_random_proofs_never_hold_and_never_crash(e: bytes, s: bytes, r: bytes) -> None:
    a_point = hash_to_curve(b"point")
    assert not dleq_holds(Dleq(e, s), key=a_point, blinded=a_point, signature=a_point)
    assert not carried_dleq_holds(Dleq(e, s, r), key=a_point, secret=r.hex(), unblinded=a_point)


@pytest.mark.parametrize("scalar", [bytes(32), GROUP_ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_scalars_outside_the_group_are_refused(scalar: bytes) -> None:
    with pytest.raises(ValueError, match="range"):
        negate(scalar)
    assert not dleq_holds(
        Dleq(scalar, scalar), key=hash_to_curve(b"a"), blinded=hash_to_curve(b"b"), signature=hash_to_curve(b"c")
    )


def test_secrets_do_not_show() -> None:
    assert repr(Dleq(b"e" * 32, b"s" * 32, hashlib.sha256(b"r").digest())) == "Dleq(…)"
