from __future__ import annotations

import base64
import json
from contextlib import suppress

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.errors import TokenInvalid
from desktop.wallet.amounts import MAX_SAT
from desktop.wallet.coin import Coin, total
from desktop.wallet.curve import Dleq, hash_to_curve
from desktop.wallet.tokens import MAX_TOKEN_CHARACTERS, MAX_TOKEN_COINS, decode, decode_raw, encode
from tests.wallet.nut_vectors import vectors

NUT00 = vectors("nut00")
MINT = "https://mint.example.com"
POINT = hash_to_curve(b"point").format()
V3, WRONG_PREFIX, NO_PREFIX, V3_AGAIN, PADDED, UNPADDED, V4_ONE, V4_TWO = NUT00["tokens"]


def v4(**changes: object) -> str:
    body: dict[str, object] = {"m": MINT, "u": "sat", "t": [{"i": bytes(8), "p": [proof()]}]} | changes
    return "cashuB" + base64.urlsafe_b64encode(cbor2.dumps(body)).decode()


def v3(**changes: object) -> str:
    entry = {"mint": MINT, "proofs": [{"amount": 1, "id": "00" * 8, "secret": "s", "C": POINT.hex()}]}
    body: dict[str, object] = {"token": [entry], "unit": "sat"} | changes
    return "cashuA" + base64.urlsafe_b64encode(json.dumps(body).encode()).decode()


def proof(**changes: object) -> dict[str, object]:
    return {"a": 1, "s": "secret", "c": POINT} | changes


def group(*proofs: dict[str, object]) -> list[dict[str, object]]:
    return [{"i": bytes(8), "p": list(proofs)}]


@pytest.mark.parametrize("text", [V3, V3_AGAIN, PADDED, UNPADDED, "cashu:" + V3, f"  {V3}\n"])
def test_v3_tokens_of_nut00_are_read(text: str) -> None:
    token = decode(text)
    assert token.mint == "https://8333.space:3338"
    assert [coin.amount for coin in token.coins] == [2, 8]
    assert token.coins[0].keyset_id == "009a1f293253e41e"
    assert [coin.secret[:8] for coin in token.coins] == ["407915bc", "fe151093"]
    assert token.coins[1].signature.hex() == "029e8e5050b890a7d6c0968db16bc1d5d5fa040ea1de284f6ec69d61299f671059"


def test_v4_tokens_of_nut00_are_read() -> None:
    assert decode(V4_ONE).amount_sat == 1
    token = decode(V4_TWO)
    assert token.mint == "http://localhost:3338"
    assert [(coin.keyset_id, coin.amount) for coin in token.coins] == [
        ("00ffd48b8f5ecf80", 1),
        ("00ad268c4d1f5826", 2),
        ("00ad268c4d1f5826", 1),
    ]


def test_the_binary_form_of_nut00_is_read() -> None:
    raw = bytes.fromhex(NUT00["raw_v4"])
    assert decode_raw(raw) == decode(V4_ONE)
    with pytest.raises(TokenInvalid):
        decode_raw(raw[1:])


@pytest.mark.parametrize("text", [WRONG_PREFIX, NO_PREFIX, "", "cashuA", "cashuB", "cashuC" + V3[6:], V3[:-40]])
def test_wrong_texts_of_nut00_and_others_are_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        decode(text)


def test_the_v4_token_of_nut00_is_written_the_same_but_for_its_memo() -> None:
    token = decode(V4_TWO)
    again = cbor2.loads(base64.urlsafe_b64decode(encode(token.mint, token.coins)[6:] + "=="))
    first = cbor2.loads(base64.urlsafe_b64decode(V4_TWO[6:] + "=="))
    assert again == first


coins = st.builds(
    Coin,
    keyset_id=st.sampled_from(["00" * 8, "01" + "ab" * 32]),
    amount=st.integers(min_value=1, max_value=2**30),
    secret=st.text(min_size=1, max_size=70).filter(lambda text: text.isprintable()),
    signature=st.just(POINT),
    dleq=st.none() | st.builds(Dleq, *[st.binary(min_size=32, max_size=32)] * 3),
    witness=st.none() | st.text(max_size=40).filter(lambda text: text.isprintable()),
)


@given(st.lists(coins, min_size=1, max_size=20, unique_by=lambda coin: coin.secret))
@settings(max_examples=100)
def test_what_is_written_is_read_back(written: list[Coin]) -> None:
    token = decode(encode(MINT, written))
    assert token.mint == MINT
    assert sorted(token.coins, key=lambda coin: coin.secret) == sorted(written, key=lambda coin: coin.secret)
    assert token.amount_sat == total(written)
    assert decode(encode(MINT, token.coins)).digest == token.digest


@pytest.mark.parametrize(
    "text",
    [
        v4(t=[]),
        v4(t=group()),
        v4(u="usd"),
        v4(u="msat"),
        v4(m="http://mint.example.com"),
        v4(m="file:///etc/passwd"),
        v4(m=7),
        v4(t=group(proof(a=0))),
        v4(t=group(proof(a=-1))),
        v4(t=group(proof(a=2**63))),
        v4(t=group(proof(a=2**64))),
        v4(t=group(proof(a=2**200))),
        v4(t=group(proof(a=1.0))),
        v4(t=group(proof(a=True))),
        v4(t=group(proof(a="1"))),
        v4(t=group(proof(s=""))),
        v4(t=group(proof(s="x" * 2000))),
        v4(t=group(proof(c=bytes(33)))),
        v4(t=group(proof(c=b"\x02" + b"\xff" * 32))),
        v4(t=group(proof(c=POINT[:32]))),
        v4(t=group(proof(d={"e": b"", "s": b"", "r": b""}))),
        v4(t=group(proof(), proof())),
        v4(t=group(proof(a=MAX_SAT), proof(a=1, s="other"))),
        v4(t=group(*[proof(s=str(number)) for number in range(MAX_TOKEN_COINS + 1)])),
        v4(t=[group(proof(s=str(number)))[0] for number in range(MAX_TOKEN_COINS + 1)]),
        v4(t=[{"i": b"", "p": [proof()]}]),
        v3(unit="usd"),
        v3(token=[]),
        v3(token=[{"mint": MINT, "proofs": []}]),
        v3(
            token=[
                {"mint": m, "proofs": [{"amount": 1, "id": "00" * 8, "secret": m, "C": POINT.hex()}]}
                for m in (MINT, "https://b.example")
            ]
        ),
        v3(token=[{"mint": MINT, "proofs": [{"amount": 10**400, "id": "00" * 8, "secret": "s", "C": POINT.hex()}]}]),
        "cashuB" + base64.urlsafe_b64encode(b"\x81" * 100_000).decode(),
        "cashuA" + base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "cashuB" + "A" * (MAX_TOKEN_CHARACTERS + 1),
        "cashuB\u2603",
        "cashuB" + base64.urlsafe_b64encode(bytes.fromhex("d81c81d81d00")).decode(),
    ],
    ids=str.__len__,
)
def test_hostile_tokens_are_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        decode(text)


def test_fields_nobody_knows_are_ignored() -> None:
    assert decode(v4(x=1, t=group(proof(y=[2])))).amount_sat == 1
    assert decode(v3(x={"deep": [[[]]]})).amount_sat == 1


def test_a_field_javascript_calls_undefined_counts_as_left_out() -> None:
    assert decode(v4(t=group(proof(d=cbor2.undefined, w=cbor2.undefined)))).coins[0].dleq is None


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_noise_in_the_payload_is_refused_and_never_crashes(noise: bytes) -> None:
    for version in "AB":
        with pytest.raises(TokenInvalid):
            decode(f"cashu{version}" + base64.urlsafe_b64encode(noise).decode())


@given(st.text(max_size=200))
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    for prefix in ("", "cashuA", "cashuB", "cashu:"):
        with pytest.raises(TokenInvalid):
            decode(prefix + text)


@given(st.sampled_from([V3, V4_ONE, V4_TWO]), st.data())
@settings(max_examples=300)
def test_changed_tokens_are_read_or_refused_and_never_crash(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(min_value=6, max_value=len(text) - 1))
    letter = data.draw(st.sampled_from("ABCXYZabcxyz0189-_=+/ "))
    changed = text[:at] + letter + text[at + 1 :]
    with suppress(TokenInvalid):
        assert decode(changed).amount_sat > 0


def test_a_token_does_not_show_its_secrets() -> None:
    token = decode(V4_ONE)
    assert token.coins[0].secret not in f"{token!r}{token}{token.coins!r}"
    assert token.coins[0].signature.hex() not in f"{token!r}{token.coins!r}"


def test_an_error_does_not_show_the_token() -> None:
    with pytest.raises(TokenInvalid) as caught:
        decode(v4(t=group(proof(s="topsecret" * 300))))
    error = caught.value
    assert "topsecret" not in f"{error!r}{error}{error.__cause__!r}"
    assert error.__suppress_context__
