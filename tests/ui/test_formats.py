import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QLocale

from desktop.ui import formats


@pytest.mark.parametrize(
    ("msat", "text"),
    [
        (None, "—"),
        (0, "0"),
        (12, "0.012"),
        (3_360, "3.360"),
        (12_345, "12.3"),
        (999_999, "999.9"),
        (1_842_000, "1,842"),
        (1_842_999, "1,842"),
        (-3_360, "-3.360"),
        (2_100_000_000_000_000_000, "2,100,000,000,000,000"),
    ],
)
def test_sats_are_exact_where_few_and_never_rounded_up(msat: int | None, text: str) -> None:
    assert formats.sats(msat) == text


@given(st.none() | st.integers(-(2**62), 2**62))
def test_any_amount_has_words(msat: int | None) -> None:
    assert formats.sats(msat)
    assert formats.money(msat)


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(-5000, "0.0 s"), (None, "—"), (0, "0.0 s"), (9_940, "9.9 s"), (42_000, "42 s"), (61_000, "1 min"),
     (3_660_000, "1 h 1 min"), (90_000_000, "1 d 1 h")],
)  # fmt: skip
def test_spans_have_two_units_at_most(length_ms: int | None, text: str) -> None:
    assert formats.span(length_ms) == text


def test_numbers_follow_the_place() -> None:
    QLocale.setDefault(QLocale("de_DE"))
    assert formats.number(1842.5, 1) == "1.842,5"
    assert formats.percent(0.973, 1) == "97,3"
