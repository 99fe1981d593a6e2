from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.tariff import (
    MICRO,
    MJ_PER_KWH,
    WEEK_HOURS,
    Band,
    Electricity,
    ExchangeRate,
    Tariff,
    TariffError,
    rounded_up,
    tariff_of,
)

BANDS = st.lists(
    st.builds(
        Band,
        st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
        st.integers(0, 23),
        st.integers(0, 24),
        st.integers(0, MICRO),
    ),
    max_size=4,
)


@given(BANDS, st.one_of(st.none(), st.integers(0, MICRO)))
def test_every_hour_has_one_price_or_the_tariff_is_refused(bands: list[Band], flat: int | None) -> None:
    claimed = [hour for band in bands for hour in band.hours()]
    try:
        tariff = tariff_of(bands, flat)
    except TariffError:
        holes = flat is None and len(set(claimed)) < WEEK_HOURS
        assert len(set(claimed)) < len(claimed) or holes
        return
    assert len(set(claimed)) == len(claimed)
    if tariff is None:
        assert not bands
        assert flat is None
        return
    by_hour = {hour: band.micro_per_kwh for band in bands for hour in band.hours()}
    assert tariff.hours == tuple(by_hour.get(hour, flat) for hour in range(WEEK_HOURS))


def test_a_band_may_reach_over_midnight_and_over_the_week() -> None:
    assert Band((6,), 22, 6, 1).hours() == [166, 167, 0, 1, 2, 3, 4, 5]
    assert Band((0,), 0, 24, 1).hours() == Band((0,), 0, 0, 1).hours() == list(range(24))


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(TariffError, match="two prices for tue 03:00"):
        tariff_of([Band((1,), 0, 4, 1), Band((1,), 3, 5, 2)], 5)
    with pytest.raises(TariffError, match="leaves out 164 of 168 hours, the first is mon 00:00"):
        tariff_of([Band((1,), 0, 4, 1)], None)


def test_the_hour_is_the_owners_also_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    tariff = tariff_of([Band((6,), 2, 3, 100)], 7)
    assert tariff is not None
    local = lambda at_ms: datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(berlin)  # noqa: E731 - one clock
    sold = Electricity(tariff, ExchangeRate(Fraction(MICRO), "test"), local)
    # 25 October 2026: the hour from two to three comes twice. 28 March 2027: it does not come.
    for day, hours in ((datetime(2026, 10, 24, 22, tzinfo=UTC), 2), (datetime(2027, 3, 27, 23, tzinfo=UTC), 0)):
        costs = [
            sold.exact_msat(MJ_PER_KWH, round((day + timedelta(hours=hour)).timestamp() * 1000)) for hour in range(24)
        ]
        assert costs.count(Fraction(100 * 1000)) == hours


@given(st.integers(0, 10**15), st.integers(0, MICRO), st.integers(1, 10**6))
def test_a_cost_is_exact_and_never_told_too_small(energy_mj: int, micro: int, sat: int) -> None:
    sold = Electricity(Tariff((micro,) * WEEK_HOURS), ExchangeRate(Fraction(sat), "test"))
    cost = sold.exact_msat(energy_mj, 0)
    assert cost is not None
    assert cost == Fraction(energy_mj * micro * sat * 1000, MJ_PER_KWH * MICRO) == sold.mean_msat(energy_mj)
    assert 0 <= rounded_up(cost).msat - cost < 1


def test_what_is_not_known_costs_an_unknown_amount() -> None:
    flat = Tariff((1,) * WEEK_HOURS)
    assert Electricity().exact_msat(1, 0) is None
    assert Electricity(flat).exact_msat(1, 0) is None
    assert Electricity(None, ExchangeRate(Fraction(1), "test")).mean_msat(1) is None
    assert not Electricity(flat).known


def test_a_week_of_another_length_is_no_tariff() -> None:
    with pytest.raises(TariffError):
        Tariff((1,) * 24)
