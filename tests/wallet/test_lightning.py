from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import SettingsError
from desktop.wallet.lightning import invoice_msat

TAIL = "1p" + "q" * 110


@pytest.mark.parametrize(
    ("amount", "msat"),
    [("20m", 2_000_000_000), ("2500u", 250_000_000), ("10n", 1000), ("10p", 1), ("1u", 100_000), ("1", 10**11)],
)
def test_amounts_of_invoices_are_read_as_bolt11_says(amount: str, msat: int) -> None:
    for network in ("bc", "tb", "bcrt", "tbs"):
        assert invoice_msat(f"ln{network}{amount}{TAIL}") == msat
        assert invoice_msat(f"LN{network}{amount}{TAIL}".upper()) == msat


@pytest.mark.parametrize(
    "invoice",
    [
        "",
        "lnbc",
        "lnbc" + TAIL,
        "lnbc1x" + TAIL,
        "lnbc25p" + TAIL,
        "lnbc0u" + TAIL,
        "lnbc99999999m" + TAIL,
        "lnbc10u1b",
    ],
)
def test_what_is_no_invoice_with_an_amount_is_refused(invoice: str) -> None:
    with pytest.raises(SettingsError):
        invoice_msat(invoice)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(SettingsError):
        invoice_msat("lnbc" + text + "!")
