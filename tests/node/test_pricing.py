from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from desktop.config.settings import PriceRule
from desktop.domain.job import Job, JobKind, JobState, Payment
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.domain.tariff import MICRO, WEEK_HOURS, Electricity, ExchangeRate, Tariff
from desktop.ledger.energy import JobEnergy, Worked
from desktop.ledger.jobs import Ending
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node.price_keeper import MOVE_EVERY_MS, PriceKeeper
from desktop.node.pricing import (
    LEAST_MEASURED,
    OWNERS,
    STEP,
    PriceBoard,
    PriceTerms,
    floor_factor,
    scaled,
    step,
    target,
    worth_it,
)

NOW_MS = 1_794_787_200_000
KWH_MJ = 3_600_000_000
PRICE = Price(50_000, 200_000, 100)
OFFER = Offer(Model("tiny", "Tiny", ModelKind.CHAT, 1, 2048, 1024, "float32", "MIT", "00" * 32), PRICE)

TERMS = st.builds(PriceTerms, st.sampled_from(get_args(PriceRule)), st.integers(100, 1000), st.integers(0, 99))
FLOORS = st.one_of(st.none(), st.integers(0, 5000))
SHARES = st.floats(0, 1)


def electricity(sat_per_kwh: int) -> Electricity:
    """A unit is a sat."""
    tariff = Tariff((sat_per_kwh * MICRO,) * WEEK_HOURS)
    return Electricity(tariff, ExchangeRate(Fraction(1), "test"), lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


def row(jobs: int, work_mj: int, usage: Usage) -> Worked:
    return Worked(NOW_MS, "tiny", "gpu", jobs, Money(), jobs, Money(), usage, work_mj)


@given(TERMS, FLOORS, SHARES)
def test_a_price_stays_between_floor_and_ceiling(terms: PriceTerms, floor: int | None, share: float) -> None:
    wanted = target(terms, floor, share)
    if terms.rule == "fixed":
        assert wanted == OWNERS
        return
    assert min(OWNERS if floor is None else floor, terms.ceiling) <= wanted <= terms.ceiling
    if terms.rule == "floor":
        assert wanted == max(OWNERS, min(floor or 0, terms.ceiling))


@given(TERMS, FLOORS, SHARES, SHARES)
def test_the_busier_the_dearer(terms: PriceTerms, floor: int | None, one: float, other: float) -> None:
    assert target(terms, floor, min(one, other)) <= target(terms, floor, max(one, other))


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_price_moves_slowly_and_arrives(factor: int, wanted: int) -> None:
    assert abs(step(factor, wanted) - factor) <= STEP
    for _ in range(10_000 // STEP + 1):
        factor = step(factor, wanted)
    assert factor == wanted


@given(
    st.integers(LEAST_MEASURED, 1000), st.integers(0, 10**12), st.integers(0, 10**6), st.integers(0, 10**6),
    st.integers(1, 1000), st.integers(0, 99),
)  # fmt: skip
def test_at_the_floor_electricity_and_profit_are_paid(
    jobs: int, work_mj: int, prompt: int, completion: int, sat_per_kwh: int, profit: int
) -> None:
    terms, usage = PriceTerms(least_profit_percent=profit), Usage(prompt, completion)
    floor = floor_factor([row(jobs, work_mj, usage)], PRICE, terms, electricity(sat_per_kwh), NOW_MS)
    assert floor is not None
    asked = scaled(PRICE, floor)
    brought = asked.cost(usage).msat + (jobs - 1) * asked.request_msat
    cost = Fraction(work_mj * sat_per_kwh * 1000, KWH_MJ)
    assert brought * (100 - profit) >= cost * 100


def test_what_is_not_known_leaves_the_owners_price() -> None:
    rows = [row(LEAST_MEASURED, KWH_MJ, Usage(5, 5))]
    assert floor_factor(rows, PRICE, PriceTerms(), Electricity(), NOW_MS) is None
    assert floor_factor(rows[:0], PRICE, PriceTerms(), electricity(1), NOW_MS) is None
    few = [row(LEAST_MEASURED - 1, KWH_MJ, Usage(5, 5))]
    assert floor_factor(few, PRICE, PriceTerms(), electricity(1), NOW_MS) is None
    assert floor_factor(rows, Price(0, 0, 0), PriceTerms(), electricity(1), NOW_MS) is None
    assert target(PriceTerms("floor"), None, 1.0) == OWNERS == target(PriceTerms("demand"), None, 0.0)
    assert worth_it(PriceTerms(), None) is None


def test_work_is_worth_it_while_a_price_the_owner_allows_pays_for_it() -> None:
    assert worth_it(PriceTerms("floor", 200), 2000)
    assert worth_it(PriceTerms("floor", 200), 2001) is False
    assert worth_it(PriceTerms("fixed", 200), 1001) is False


MOVES = st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 3000)), max_size=40)


@given(MOVES, st.integers(0, 400_000))
def test_nobody_is_billed_more_than_what_may_still_be_announced(moves: list[tuple[int, int]], later_ms: int) -> None:
    board, now_ms, shown = PriceBoard(300_000), 0, [(0, OWNERS)]
    for wait_ms, factor in moves:
        now_ms += wait_ms
        shown.append((now_ms, board.factor))  # asked until this moment
        board.ask(factor, now_ms)
        assert board.billed(now_ms) <= board.factor
    now_ms += later_ms
    believed = [factor for at_ms, factor in shown[1:] if now_ms - at_ms < 300_000] + [board.factor]
    assert board.billed(now_ms) == min(believed)


async def test_a_keeper_raises_what_electricity_costs_and_says_what_is_not_worth_it(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.deposit("buyer", "mint", Money.from_sat(10**6), Money(), "token", 0)
    for n in range(LEAST_MEASURED):
        job = Job(f"{n}", JobKind.CHAT, "tiny", Payment.SESSION, "buyer", Money(900), JobState.ACCEPTED, NOW_MS)
        ledger.accept_job(job)
        ledger.finish_job(f"{n}", Ending(JobState.COMPLETED, NOW_MS, Usage(0, 0), Money(100), started_at_ms=NOW_MS))
    # A request brings 100 msat and takes 0.15 Wh.
    ledger.add_energy([], [JobEnergy(f"{n}", "gpu", 540_000) for n in range(LEAST_MEASURED)])
    report, now, sat_per_kwh = Report.open(tmp_path / "ledger.db"), [NOW_MS], [1000]
    told: list[tuple[int, int]] = []

    def reprice(asked: Sequence[Offer], billed: Sequence[Offer]) -> None:
        told.append((asked[0].price.request_msat, billed[0].price.request_msat))

    keeper = PriceKeeper(
        (OFFER,),
        PriceTerms("floor", 200),
        report=report,
        electricity=lambda: electricity(sat_per_kwh[0]),
        busy=lambda: 0.0,
        reprice=reprice,
        honoured_ms=240_000,
        now_ms=lambda: now[0],
    )
    await keeper.look()
    assert told == []
    assert keeper.worth_it("gpu") is True
    assert keeper.worth_it("other") is None
    for _ in range(24):
        now[0] += MOVE_EVERY_MS // 2
        await keeper.look()
    assert told[0] == (105, 100)
    assert told[1] == (105, 105)
    assert told[-1] == (150, 150)
    sat_per_kwh[0] = 2000
    await keeper.look()
    assert keeper.worth_it("gpu") is False
    report.close()
    ledger.close()
