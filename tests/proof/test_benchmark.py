"""Benchmark reports: signed, read again, and refused in words when anything about them is not as it must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.benchmark import Opening, Unit
from desktop.domain.device import DeviceKind
from desktop.domain.errors import BenchmarkInvalid
from desktop.domain.products import bind
from desktop.proof.benchmark import (
    BenchmarkReport,
    BenchmarkSigner,
    DeviceForm,
    ModelForm,
    PartForm,
    PreflightForm,
    ProductsForm,
    SignedBenchmark,
    SoftwareForm,
    WarmUpForm,
    decode,
    encode,
    verify,
)
from desktop.proof.receipts import Signer
from tests.proof.prover import prove

SIGNER: Final = BenchmarkSigner(b"\x05" * 32)
SEED: Final = "1f" * 32


def made(*, with_products: bool = True) -> tuple[BenchmarkReport, list[Opening]]:
    commitment, openings = prove(bind(bytes.fromhex(SEED), SIGNER.public_key), 16, 2)
    report = BenchmarkReport(
        node=SIGNER.public_key,
        at_ms=1_800_000_000_000,
        took_ms=48_000,
        device=DeviceForm(DeviceKind.CPU, "An old one"),
        software=SoftwareForm("0.1.0", "2.13.0", 1),
        model=ModelForm("tiny", "ab" * 32, "float32"),
        preflight=PreflightForm(temperature_c=-3, notes=("Another program keeps the device busy.",)),
        warm_up=WarmUpForm(4, settled=True),
        parts=(
            PartForm("decode, 1 at once", Unit.TOKENS, 17_000, 16_900, 17_200, 10),
            PartForm("copies", Unit.BYTES, note="There is no graphics card."),
        ),
        outputs={"decode, 1 at once": "cd" * 32},
        products=ProductsForm(SEED, commitment.size, tuple(root.hex() for root in commitment.roots)),
    )
    if not with_products:
        return msgspec.structs.replace(report, products=None), []
    return report, openings


SIGNED: Final = SIGNER.sign(*made())


def test_what_is_signed_verifies_and_is_read_again() -> None:
    read = decode(encode(SIGNED))
    assert read == SIGNED
    assert read.digest == SIGNED.digest
    verify(read)
    verify(read, seed=SEED, node=SIGNER.public_key)
    assert read.parts[0].text == "17.0 tokens/s (16.9 … 17.2)"
    assert read.parts[1].text == "There is no graphics card."


def test_the_canonical_form_is_sorted_json_without_spaces() -> None:
    body = SIGNED.report.canonical()
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_report_without_products_passes_unless_a_seed_was_given() -> None:
    signed = SIGNER.sign(*made(with_products=False))
    verify(signed)
    with pytest.raises(BenchmarkInvalid, match="commits to no products"):
        verify(signed, seed=SEED)


def test_an_answer_to_another_verifier_or_of_another_node_does_not_pass() -> None:
    with pytest.raises(BenchmarkInvalid, match="another seed"):
        verify(SIGNED, seed="2f" * 32)
    with pytest.raises(BenchmarkInvalid, match="another node"):
        verify(SIGNED, node="00" * 32)


def test_another_node_cannot_pass_our_products_off_as_its_own() -> None:
    thief = BenchmarkSigner(b"\x06" * 32)
    report, openings = made()
    stolen = thief.sign(msgspec.structs.replace(report, node=thief.public_key), openings)
    with pytest.raises(BenchmarkInvalid):
        verify(stolen)


def test_a_signature_on_a_receipt_is_none_on_a_report() -> None:
    assert Signer(b"\x05" * 32).public_key == SIGNER.public_key
    with pytest.raises(ValueError, match="its own reports"):
        SIGNER.sign(msgspec.structs.replace(made()[0], node="00" * 32), [])


def test_what_nobody_could_read_is_not_signed() -> None:
    report, openings = made()
    wrong = PartForm("x" * 81, Unit.TIME, 1, 1, 1)
    with pytest.raises(ValueError, match="is not signed"):
        SIGNER.sign(msgspec.structs.replace(report, parts=(wrong,)), openings)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["report"].update(took_ms=1),
        lambda file: file["report"]["parts"][0].update(median=17_100),
        lambda file: file["report"]["warm_up"].update(settled=False),
        lambda file: file["report"]["products"].update(seed="2f" * 32),
        lambda file: file.update(signature="00" * 64),
        lambda file: file["report"].update(node="ff" * 32),
        lambda file: file["openings"].pop(),
        lambda file: file["openings"].reverse(),
        lambda file: file["openings"][0].update(row=2**40),
    ],
)
def test_a_changed_report_does_not_verify(change: Change) -> None:
    file = json.loads(encode(SIGNED))
    change(file)
    with pytest.raises(BenchmarkInvalid):
        verify(decode(json.dumps(file).encode()))


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["report"]["parts"][0].update(median=float("nan")),
        lambda file: file["report"]["parts"][0].update(median=1e300),
        lambda file: file["report"]["parts"][0].update(median=-1),
        lambda file: file["report"]["parts"][0].update(median=10**400),
        lambda file: file["report"]["parts"][0].update(median=10**9),
        lambda file: file["report"]["parts"][0].update(low=None),
        lambda file: file["report"]["parts"].extend([file["report"]["parts"][0]] * 64),
        lambda file: file["report"]["products"].update(roots=["ab" * 32] * 33),
        lambda file: file["report"].update(more=1),
        lambda file: file["report"].pop("model"),
        lambda file: file["report"].update(version=2),
        lambda file: file["openings"][0].update(values="no base64!"),
        lambda file: file["openings"].extend(file["openings"] * 8),
        lambda file: file.update(openings=None),
    ],
)
def test_what_breaks_the_form_is_no_report(change: Change) -> None:
    file = json.loads(encode(SIGNED))
    change(file)
    with pytest.raises(BenchmarkInvalid) as refused:
        decode(json.dumps(file).encode())
    assert refused.value.why


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b"{}", b'"x"', b" " * (17 * 2**20)], ids=len)
def test_junk_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(BenchmarkInvalid):
        decode(data)


@given(st.integers(0, len(encode(SIGNED)) - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_any_changed_byte_is_refused(place: int, off: int) -> None:
    data = bytearray(encode(SIGNED))
    data[place] ^= off
    try:
        read = decode(bytes(data))
        if read != SIGNED:
            verify(read)
    except BenchmarkInvalid:
        return
    assert read == SIGNED, "only white space may change without being noticed"


def test_signed_is_plain_data() -> None:
    assert isinstance(msgspec.convert(json.loads(encode(SIGNED)), SignedBenchmark), SignedBenchmark)
