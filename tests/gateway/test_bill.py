from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.domain.receipt import Receipt
from desktop.gateway.bill import Bill, complaint_about, complaint_about_receipt
from desktop.network.directory.announcement import Announcement, Listing, Provider
from desktop.proof.receipts import Signer

prices = st.builds(Price, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6))
usages = st.builds(Usage, st.integers(0, 10**5), st.integers(0, 10**5))
MOST = Usage(10**5, 10**5)


@given(prices, usages, st.integers(0, 10**4))
def test_the_right_bill_is_never_complained_about_and_one_sat_less_always_is(
    price: Price, usage: Usage, spare_sat: int
) -> None:
    cost = price.cost(usage)
    paid_sat = cost.ceil_sat + spare_sat

    def complaint(change_sat: int, charged: Money | None = cost) -> str:
        return complaint_about(price, MOST, usage=usage, charged=charged, paid_sat=paid_sat, change_face_sat=change_sat)

    assert complaint(spare_sat) == ""
    assert complaint(spare_sat, None) == ""
    assert complaint(spare_sat + 1) == "", "a gift"
    assert "kept" in complaint(spare_sat - 1)
    assert "charged" in complaint(spare_sat, cost + Money(1))


@given(prices, st.integers(1, 1000), st.integers(1, 1000))
def test_counts_that_cannot_be_are_noticed_whatever_was_charged(price: Price, prompt: int, completion: int) -> None:
    for usage in (Usage(prompt + 1, completion), Usage(prompt, completion + 1)):
        told = complaint_about(
            price, Usage(prompt, completion), usage=usage, charged=Money(), paid_sat=None, change_face_sat=0
        )
        assert "cannot be more" in told


def test_no_count_is_a_complaint() -> None:
    assert complaint_about(Price(1, 1), MOST, usage=None, charged=None, paid_sat=None, change_face_sat=0)


def test_a_receipt_must_be_the_providers_own_for_this_model_and_this_bill() -> None:
    signer, stranger = Signer(b"\x01" * 32), Signer(b"\x02" * 32)
    listing = Listing("m", "M", ModelKind.CHAT, 100, 50, Price(1, 1), "ab" * 32)
    provider = Provider(signer.public_key, "e", 0, 1, Announcement("d", (), (), "0", models=(listing,)))
    bill = Bill(Money(), Money(), Money(), Money(5), Money(5), Usage(3, 2))

    def receipt(by: Signer = signer, *, model: str = "m", digest: str = "ab" * 32, tokens: int = 2) -> str:
        facts = Receipt("j", by.public_key, model, digest, 3, tokens, 5, 1, 2, "completed")
        return complaint_about_receipt(by.sign(facts), provider, listing, bill)

    assert receipt() == ""
    assert "not signed" in receipt(stranger)
    assert "another model" in receipt(model="n")
    assert "another model" in receipt(digest="cd" * 32)
    assert "different amounts" in receipt(tokens=3)
    forged = signer.sign(Receipt("j", signer.public_key, "m", "ab" * 32, 3, 2, 5, 1, 2, "completed"))
    forged = dataclasses.replace(forged, receipt=dataclasses.replace(forged.receipt, charged_msat=4))
    assert "not signed" in complaint_about_receipt(forged, provider, listing, bill)
