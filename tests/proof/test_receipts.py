from __future__ import annotations

import json
from dataclasses import asdict, replace
from hashlib import sha256

import pytest
from coincurve import PublicKeyXOnly
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import ReceiptInvalid
from desktop.domain.receipt import Receipt, SignedReceipt
from desktop.proof.receipts import MOST_BYTES, Signer, decode, encode, verify

SIGNER = Signer(bytes(31) + b"\x07")
COUNTS = st.integers(min_value=0, max_value=2**53 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
DIGESTS = st.one_of(st.just(""), st.binary(min_size=32, max_size=32).map(bytes.hex))
RECEIPTS = st.builds(
    Receipt,
    job_id=NAMES,
    node=st.just(SIGNER.public_key),
    model_id=NAMES,
    model_digest=DIGESTS,
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    charged_msat=COUNTS,
    accepted_at_ms=COUNTS,
    finished_at_ms=COUNTS,
    outcome=NAMES,
    commitment=DIGESTS,
)
PLAIN = Receipt("job", SIGNER.public_key, "smol", "", 3, 5, 1234, 10, 20, "completed")
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers(), max_size=3)
)


@given(RECEIPTS)
def test_a_signed_receipt_is_true_and_survives_its_file(receipt: Receipt) -> None:
    signed = SIGNER.sign(receipt)

    assert verify(signed)
    assert decode(encode(signed)) == signed


def test_the_signature_is_bip340_over_the_tagged_hash() -> None:
    tag = sha256(b"hearth/receipt/1").digest()
    digest = sha256(tag + tag + PLAIN.canonical()).digest()

    key = PublicKeyXOnly(bytes.fromhex(SIGNER.public_key))
    assert key.verify(bytes.fromhex(SIGNER.sign(PLAIN).signature), digest)


@pytest.mark.parametrize("field", sorted(asdict(PLAIN)))
def test_no_field_can_be_changed_after_signing(field: str) -> None:
    signed = SIGNER.sign(PLAIN)
    value = getattr(PLAIN, field)
    other = Signer(b"\x09" * 32).public_key if field == "node" else "ab" * 32 if isinstance(value, str) else value + 1
    changed = {"receipt": {**asdict(PLAIN), field: other}, "signature": signed.signature}

    assert not verify(decode(json.dumps(changed)))


@given(field=st.sampled_from(sorted(asdict(PLAIN))), value=ANYTHING)
def test_hostile_fields_are_false_and_never_an_error(field: str, value: object) -> None:
    forged = replace(PLAIN, **{field: value})  # type: ignore[arg-type]  # what a careless reader might build
    if forged != PLAIN or type(value) is not type(getattr(PLAIN, field)):
        assert not verify(SignedReceipt(forged, SIGNER.sign(PLAIN).signature))


@given(st.one_of(ANYTHING, st.text("0123456789abcdef", min_size=128, max_size=128)))
def test_hostile_signatures_are_false_and_never_an_error(signature: object) -> None:
    assert not verify(SignedReceipt(PLAIN, signature))  # type: ignore[arg-type]  # hostile on purpose


@pytest.mark.parametrize("node", ["ff" * 32, "00" * 32, "aa", "", "zz" * 32, SIGNER.public_key.upper()])
def test_keys_that_are_none_are_false(node: str) -> None:
    assert not verify(SignedReceipt(replace(PLAIN, node=node), SIGNER.sign(PLAIN).signature))


def test_a_lone_surrogate_is_false() -> None:
    assert not verify(SignedReceipt(replace(PLAIN, job_id="\ud800"), SIGNER.sign(PLAIN).signature))


def test_a_line_break_after_the_signature_is_false() -> None:
    signed = SIGNER.sign(PLAIN)

    assert not verify(replace(signed, signature=signed.signature + "\n"))


def test_a_node_signs_for_itself_only() -> None:
    with pytest.raises(ValueError, match="its own receipts"):
        Signer(b"\x09" * 32).sign(PLAIN)


def test_what_could_not_be_checked_is_not_signed() -> None:
    with pytest.raises(ValueError, match="nobody could check"):
        SIGNER.sign(replace(PLAIN, charged_msat=-1))


def test_the_signer_does_not_show_its_secret() -> None:
    secret = b"\x42" * 32

    assert secret.hex() not in repr(Signer(secret))


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_garbage_is_no_receipt(data: bytes | str) -> None:
    with pytest.raises(ReceiptInvalid):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 5000,
        b"9" * 5000,
        b" " * (MOST_BYTES + 1),
        b'{"receipt": null, "signature": null}',
        "\ud800",
        json.dumps({"receipt": asdict(PLAIN), "signature": "00"}),
        json.dumps({"receipt": asdict(PLAIN), "signature": "0" * 128, "more": 1}),
        json.dumps({"receipt": {**asdict(PLAIN), "prompt": "secret"}, "signature": "0" * 128}),
        json.dumps({"receipt": {**asdict(PLAIN), "charged_msat": 1.5}, "signature": "0" * 128}),
        json.dumps({"receipt": {**asdict(PLAIN), "charged_msat": 2**53}, "signature": "0" * 128}),
    ],
)
def test_what_breaks_the_form_is_refused(data: bytes | str) -> None:
    with pytest.raises(ReceiptInvalid):
        decode(data)


def test_a_well_formed_forgery_is_read_and_then_found_false() -> None:
    assert not verify(decode(json.dumps({"receipt": asdict(PLAIN), "signature": "0" * 128})))
