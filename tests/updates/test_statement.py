from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iroh import EndpointId, Signature

from desktop.domain.errors import UpdateInvalid
from desktop.resources import resource
from desktop.updates.publishers import Publishers
from desktop.updates.statement import MAX_BYTES, open_statement
from tests.fakes.publisher import DAY_S, NOW_S, FakePublisher, artefact, said

PUBLISHER = FakePublisher()
KEYS = PUBLISHER.publishers.keys
LATEST = PUBLISHER.latest()


def test_what_the_publisher_signed_is_read() -> None:
    statement = open_statement(PUBLISHER.latest(later_field={"deep": [1]}), KEYS)

    assert (statement.version, statement.notes) == ("2.0.0", "Faster.")
    found = statement.artefact("run", "x86_64")
    assert found is not None
    assert found.bytes == 1000
    assert statement.artefact("run", "aarch64") is None
    assert statement.artefact("deb", "x86_64") is None


def test_signatures_are_ed25519_as_rfc_8032_has_it() -> None:
    """Test 2 of its section 7.1, so that any tool may sign."""
    key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    EndpointId.from_string(key).verify(b"\x72", Signature.from_bytes(bytes.fromhex(signature)))


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_that_anybody_may_write_is_believed(raw: bytes) -> None:
    with pytest.raises(UpdateInvalid):
        open_statement(raw, KEYS)


@settings(deadline=None, max_examples=50)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_is_believed(at: int, bit: int) -> None:
    raw = bytearray(LATEST)
    raw[at % len(raw)] ^= 1 << bit
    try:
        opened = open_statement(bytes(raw), KEYS)
    except UpdateInvalid:
        return
    # A change that JSON itself does not see, such as another space between two words, changes nothing that was said.
    assert opened == open_statement(LATEST, KEYS)


@settings(deadline=None)
@given(st.integers(0, 2000))
def test_no_beginning_is_taken_for_the_whole(length: int) -> None:
    raw = LATEST
    with pytest.raises(UpdateInvalid):
        open_statement(raw[: length % len(raw)], KEYS)


def test_another_key_is_not_the_publishers_whatever_it_says_it_is() -> None:
    other = FakePublisher()
    with pytest.raises(UpdateInvalid, match="not the publisher's"):
        open_statement(other.latest(), KEYS)
    renamed = other.latest().replace(other.key.encode(), PUBLISHER.key.encode())
    with pytest.raises(UpdateInvalid, match="not the publisher's"):
        open_statement(renamed, KEYS)
    for key in ("ff" * 32, "00" * 32):  # no points of the curve, or of small order
        with pytest.raises(UpdateInvalid, match="not the publisher's"):
            open_statement(other.latest().replace(other.key.encode(), key.encode()), {key: "a broken list"})


def test_one_good_signature_among_others_is_enough() -> None:
    ours, others = json.loads(PUBLISHER.latest()), json.loads(FakePublisher().latest())
    ours["signatures"] = others["signatures"] + ours["signatures"]
    assert open_statement(json.dumps(ours).encode(), KEYS).version == "2.0.0"


@pytest.mark.parametrize(
    "raw",
    [
        b" " * (MAX_BYTES + 1),
        b"[" * 10_000,
        b'{"a":' * 3000,
        PUBLISHER.sign(json.dumps(said()) + " ").replace(b"Faster", b"Slower"),
        json.dumps({"statement": json.dumps(said()), "signatures": []}).encode(),
        msgspec.json.encode({**json.loads(PUBLISHER.latest()), "more": 1}),
    ],
)
def test_hostile_envelopes_are_refused(raw: bytes) -> None:
    with pytest.raises(UpdateInvalid):
        open_statement(raw, KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": "1"},
        {"version": "not a version"},
        {"version": "1.0.0 "},
        {"version": "1.00"},
        {"version": "2.0.0+local"},
        {"version": "2.0.0.dev1"},
        {"version": "2" * 41},
        {"version": 2},
        {"issued_s": NOW_S * 1.5},
        {"issued_s": -1},
        {"issued_s": None},
        {"expires_s": NOW_S - DAY_S},
        {"expires_s": 2**40},
        {"rollout": {"start_s": 10, "first_percent": 100, "complete_s": 9}},
        {"rollout": {"start_s": 0, "first_percent": 101, "complete_s": 9}},
        {"rollout": None},
        {"artefacts": []},
        {"artefacts": [artefact()] * 17},
        {"artefacts": [artefact(kind="dmg")]},
        {"artefacts": [artefact(name="../evil")]},
        {"artefacts": [artefact(name=".hidden")]},
        {"artefacts": [artefact(bytes=0)]},
        {"artefacts": [artefact(sha256="AB" * 32)]},
        {"artefacts": [artefact(urls=[])]},
        {"artefacts": [artefact(urls=["file:///etc/passwd"])]},
        {"artefacts": [artefact(urls=["https://a b/"])]},
        {"notes": "n" * 2001},
        {"notes": ["n"]},
    ],
)
def test_a_signature_does_not_make_nonsense_right(changes: dict[str, object]) -> None:
    with pytest.raises(UpdateInvalid):
        open_statement(PUBLISHER.latest(**changes), KEYS)


@pytest.mark.parametrize("text", ['{"format": NaN}', "null", "[]", '{"format": 1e999}', '"' + "x" * 9000, "[" * 8000])
def test_a_signed_text_that_is_no_statement_is_refused(text: str) -> None:
    with pytest.raises(UpdateInvalid):
        open_statement(PUBLISHER.sign(text), KEYS)


def test_the_keys_that_come_with_the_program_are_a_test_key_nobody_mistakes() -> None:
    publishers = Publishers.load(resource("publishers.toml"))
    assert all(len(bytes.fromhex(each)) == 32 for each in (*publishers.keys, *publishers.nostr))
    assert all("TEST key" in name for name in publishers.keys.values())


@pytest.mark.parametrize("text", ["", "publisher = 1", '[[publisher]]\nname = "x"', "\0"])
def test_without_keys_nothing_is_believed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "publishers.toml"
    file.write_text(text)
    with pytest.raises(UpdateInvalid, match="cannot be read") as told:
        Publishers.load(file)
    assert told.value.now == "Install Hearth again."


def test_missing_keys_are_told(tmp_path: Path) -> None:
    with pytest.raises(UpdateInvalid, match="cannot be read"):
        Publishers.load(tmp_path / "publishers.toml")
