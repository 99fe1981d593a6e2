from datetime import UTC, datetime
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.market import TYPICAL
from desktop.domain.outlook import DAY_S, MISSING, Facts, Figure, outlook
from desktop.domain.tariff import MICRO, WEEK_HOURS, Electricity, ExchangeRate, Tariff
from desktop.domain.told import told
from tests.fakes.checks import rivals

SOURCE = told("a test")
KNOWN = Electricity(
    Tariff((MICRO,) * WEEK_HOURS),
    ExchangeRate(Fraction(1000), "test"),
    lambda ms: datetime.fromtimestamp(ms / 1000, UTC),
)
FIGURES = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda ends: Figure(min(ends), max(ends), SOURCE))


def facts(
    prices: tuple[int, ...] = (300, 600, 900),
    busy: Figure | None = Figure(0.1, 0.5, SOURCE),  # noqa: B008 - frozen
    speed: Figure | None = Figure(10, 20, SOURCE),  # noqa: B008 - frozen
    joules: Figure | None = Figure(2, 2, SOURCE),  # noqa: B008 - frozen
    electricity: Electricity = KNOWN,
) -> Facts:
    return Facts("tiny", rivals(*prices), ("wss://relay.example",), busy, speed, joules, electricity)


def test_the_range_is_prices_by_use_by_speed_less_electricity() -> None:
    found = outlook(facts())

    assert found.gross is not None
    assert found.cost is not None
    assert found.net is not None
    low, high = 10 * 0.1 * DAY_S, 20 * 0.5 * DAY_S
    assert found.gross.low.msat == int(450 / TYPICAL.completion_tokens * low)
    assert found.gross.high.msat == int(750 / TYPICAL.completion_tokens * high)
    # A kWh costs 1,000 sat: two joules a token.
    assert found.cost.low.msat == round(2 * low / 3_600_000 * 1000 * 1000)
    assert found.net.low == found.gross.low - found.cost.low
    assert found.missing == ()


def test_what_is_missing_is_named_and_nothing_is_made_up() -> None:
    nothing = outlook(facts((), None, None, None, Electricity()))
    assert (nothing.asked_msat, nothing.gross, nothing.cost, nothing.net) == (None, None, None, None)
    names = ("prices", "busy", "speed", "energy", "tariff")
    assert nothing.missing == tuple(MISSING[name] for name in names)
    no_rate = outlook(facts(electricity=Electricity(KNOWN.tariff)))
    assert no_rate.gross is not None
    assert (no_rate.cost, no_rate.net, no_rate.missing) == (None, None, (MISSING["rate"],))


@given(st.lists(st.integers(0, 10**6), max_size=6), FIGURES, FIGURES, FIGURES)
def test_a_number_is_told_only_where_all_it_needs_is_known(
    prices: list[int], busy: Figure | None, speed: Figure | None, joules: Figure | None
) -> None:
    found = outlook(facts(tuple(prices), busy, speed, joules))
    tokens_known = busy is not None and speed is not None
    assert (found.gross is not None) == (tokens_known and bool(prices))
    assert (found.cost is not None) == (tokens_known and joules is not None)
    assert (found.net is not None) == (found.gross is not None and found.cost is not None)
    for amounts in (found.gross, found.cost):
        assert amounts is None or amounts.low <= amounts.high
    assert bool(found.missing) == (found.net is None)
