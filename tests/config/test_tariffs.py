import pytest

from desktop.config.rules import NotAllowed
from desktop.config.settings import Settings, declarations, from_values
from desktop.config.tariffs import Amount, Bands
from desktop.config.text import parse, render
from desktop.control.configuration import from_text, to_text
from desktop.domain.errors import SettingsError
from desktop.domain.tariff import Band

NIGHTS = {"days": "mon-fri", "from": 22, "to": 6, "price": "0.24"}


@pytest.mark.parametrize(
    ("raw", "kept"), [("0,32", "0.32"), ("0.320000", "0.32"), (0.32, "0.32"), (3, "3"), ("100", "100"), ("", "")]
)
def test_amounts_are_kept_exactly(raw: object, kept: str) -> None:
    assert Amount(100).check(raw) == kept
    assert Amount(100).check(kept) == kept


@pytest.mark.parametrize("raw", ["-1", "1e3", "nan", "inf", "0.1234567", "101", True, None, "1.2.3", "½", ["1"]])
def test_what_is_no_amount_is_refused(raw: object) -> None:
    with pytest.raises(NotAllowed):
        Amount(100).check(raw)


@pytest.mark.parametrize(
    ("days", "kept"),
    [("all", tuple(range(7))), ("mon-fri", (0, 1, 2, 3, 4)), ("fri-mon", (4, 5, 6, 0)), ("Sat, sun", (5, 6))],
)
def test_days_are_read_as_people_write_them(days: str, kept: tuple[int, ...]) -> None:
    assert Bands().check([{**NIGHTS, "days": days}]) == (Band(kept, 22, 6, 240_000),)


@pytest.mark.parametrize(
    "wrong",
    [{"days": "someday"}, {"days": "mon,mon"}, {"days": "mon-"}, {"from": 24}, {"to": 25}, {"price": ""}, {"prize": 1}],
)
def test_hours_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="electricity_hours must be"):
        from_values({"electricity_price": "0.3", "electricity_hours": [{**NIGHTS, **wrong}]})


def test_a_tariff_with_holes_is_refused_or_filled() -> None:
    with pytest.raises(SettingsError, match="leaves out 128 of 168 hours"):
        from_values({"electricity_hours": [NIGHTS]})
    with pytest.raises(SettingsError, match="two prices for mon 22:00"):
        from_values({"electricity_price": "0.3", "electricity_hours": [NIGHTS, {**NIGHTS, "days": "mon", "to": 23}]})
    tariff = from_values({"electricity_price": "0.3", "electricity_hours": [NIGHTS], "currency": "eur"}).tariff
    assert tariff is not None
    assert tariff.currency == "EUR"
    assert (tariff.hours.count(240_000), tariff.hours.count(300_000)) == (40, 128)


def test_nothing_said_is_unknown() -> None:
    assert Settings().tariff is None
    assert Settings().declared_rate is None
    assert Settings(sat_per_currency="1234.5").declared_rate is not None


def test_a_source_needs_to_be_told_what_to_read() -> None:
    with pytest.raises(SettingsError, match="currency or exchange_field"):
        Settings(exchange_source="https://rates.example/prices")
    with pytest.raises(SettingsError, match="exchange_source must be"):
        Settings(exchange_source="http://rates.example/prices", currency="EUR")


def test_a_tariff_survives_the_file_and_the_window() -> None:
    settings = from_values(
        {"electricity_price": 0.3, "electricity_hours": [NIGHTS], "currency": "EUR", "sat_per_currency": "1100"}
    )
    assert parse(render(settings)).settings == settings
    for each in declarations():
        value = getattr(settings, each.name)
        assert each.rule.check(from_text(each, to_text(each, value))) == value
