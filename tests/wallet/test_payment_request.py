from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import RequestError
from desktop.wallet.payment_request import Lock, PaymentRequest, Transport, decode, encode
from tests.wallet.nut_vectors import vectors

NUT18 = {vector["title"]: vector for vector in vectors("nut18")["requests"]}
# The encoded text of this one stands for another request than the JSON above it: the example of the NUT itself.
NUT18["Basic Payment Request"]["request"] |= {"m": ["https://nofees.testnut.cashu.space"]}


@pytest.mark.parametrize("title", NUT18)
def test_requests_of_nut18_are_read(title: str) -> None:
    wanted = NUT18[title]["request"]
    request = decode(NUT18[title]["encoded"])
    assert request.id == wanted.get("i")
    assert request.amount == wanted.get("a")
    assert request.unit == wanted.get("u")
    assert request.single_use == wanted.get("s")
    assert list(request.mints) == wanted.get("m", [])
    assert request.description == wanted.get("d")
    assert [transport.t for transport in request.transports] == [one["t"] for one in wanted.get("t", [])]
    if title != "Basic Payment Request":
        assert [transport.a for transport in request.transports] == [one["a"] for one in wanted.get("t", [])]
    assert [transport.g for transport in request.transports] == [one.get("g") for one in wanted.get("t", [])]
    lock = wanted.get("nut10")
    assert request.lock == (lock and Lock(lock["k"], lock["d"], lock.get("t")))


texts = st.text(max_size=50)
requests = st.builds(
    PaymentRequest,
    amount=st.none() | st.integers(min_value=0, max_value=10**12),
    unit=st.just("sat"),
    mints=st.lists(texts, max_size=3).map(tuple),
    description=st.none() | texts,
    id=st.none() | texts,
    single_use=st.none() | st.booleans(),
    transports=st.lists(st.builds(Transport, texts, texts, st.none() | st.just([["n", "17"]])), max_size=2).map(tuple),
    lock=st.none() | st.builds(Lock, texts, texts),
)


@given(requests)
def test_what_is_written_is_read_back(request: PaymentRequest) -> None:
    assert decode(encode(request)) == request


def test_an_amount_needs_a_unit() -> None:
    with pytest.raises(ValueError, match="unit"):
        encode(PaymentRequest(amount=1, unit=None))


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    try:
        decode("creqA" + base64.urlsafe_b64encode(noise).decode())
    except RequestError:
        return
    assert noise[:1] == b"\xa0", "only an empty map is a request"


@pytest.mark.parametrize(
    "text", ["", "creqB1xyz", "creqA!", "creqA" + "A" * 30_000, NUT18["Minimal Payment Request"]["encoded"][:20]]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        decode(text)
