"""The node's side of a benchmark: before, meanwhile, after; refused, cancelled, failed, kept and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from desktop.control.benchmark import Benchmark
from desktop.control.measuring import CPU_BUDGET_MS, Measuring, preflight_of
from desktop.control.snapshot import Measurement
from desktop.domain.benchmark import ENERGY, SPEED_KEPT, Change
from desktop.domain.device import ProcessUse, Telemetry
from desktop.domain.errors import Unavailable, WorkerDied
from desktop.domain.products import bind
from desktop.proof.benchmark import BenchmarkSigner, verify
from tests.fakes.benchmark import FakeGauge, FakeMeasurer, FakeWorkshop
from tests.fakes.patience import until

SIGNER = BenchmarkSigner(b"\x05" * 32)
OWN_SEED = "0a" * 32


class House:
    """A benchmark among fakes; `seen` is everything that was shown."""

    def __init__(self, worker: FakeMeasurer | None = None, gauge: FakeGauge | None = None) -> None:
        self.gauge = gauge or FakeGauge()
        self.workshop = FakeWorkshop(worker or FakeMeasurer())
        self.slept_s: list[float] = []
        self.seen: list[Measurement | None] = []
        measuring = Measuring(self.gauge, SIGNER, version="0.1.0", now_ms=lambda: self.gauge.at_ms, sleep=self.sleep)
        self.benchmark = Benchmark(self.workshop, measuring, changed=self.changed, new_seed=lambda: OWN_SEED)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def changed(self) -> None:
        self.seen.append(self.benchmark.result)

    async def measured(self, seed: str = "", *, soak_minutes: int = 0) -> Measurement:
        self.benchmark.start(seed=seed, soak_minutes=soak_minutes)
        await until(lambda: self.benchmark.result is not None and not self.benchmark.result.running)
        assert self.benchmark.result is not None
        return self.benchmark.result

    def part(self, name: str) -> str:
        assert self.benchmark.result is not None
        return next(part.note or str(part.median) for part in self.benchmark.result.parts if part.name == name)


async def test_a_run_is_measured_signed_kept_and_shown() -> None:
    house = House()
    result = await house.measured()
    assert (result.tokens_per_s, result.low, result.high) == pytest.approx((20.0, 19.9, 20.1))
    assert result.settled
    assert [part.name for part in result.parts] == ["write, 1 at once", "copy to the card", ENERGY]
    ((device_id, signed),) = house.workshop.kept
    verify(signed)
    assert (device_id, signed.digest, signed.report.model.digest) == ("cpu", result.digest, "ab" * 32)
    assert signed.report.took_ms > 0
    (order,) = house.workshop.worker.orders
    assert order.budget_ms == CPU_BUDGET_MS
    assert order.seed == bind(bytes.fromhex(OWN_SEED), SIGNER.public_key).hex()
    assert house.slept_s == [2.0]


async def test_progress_is_told_in_words_with_the_share_done() -> None:
    house = House()
    await house.measured()
    running = [each for each in house.seen if each is not None and each.running]
    assert "Warming up until the speed is steady" in {each.phase for each in running}
    shares = [each.share_done for each in running]
    assert shares == sorted(shares)


async def test_the_node_takes_no_jobs_meanwhile_and_does_afterwards() -> None:
    house = House(FakeMeasurer(gate=asyncio.Event()))
    house.benchmark.start()
    assert house.workshop.held
    house.benchmark.start()
    await until(lambda: bool(house.workshop.worker.orders))
    assert len(house.workshop.worker.orders) == 1
    assert house.workshop.worker.gate is not None
    house.workshop.worker.gate.set()
    await until(lambda: not house.workshop.held)
    await until(lambda: len(house.workshop.kept) == 1)


async def test_it_is_refused_in_words_while_jobs_run() -> None:
    house = House()
    house.workshop.busy = "Two jobs are at work."
    with pytest.raises(Unavailable, match="Two jobs"):
        house.benchmark.start()
    assert not house.workshop.held
    assert house.benchmark.result is None


async def test_cancelling_ends_the_workers_part_and_shows_the_run_before() -> None:
    house = House()
    before = await house.measured()
    house.workshop.worker.gate = asyncio.Event()
    house.benchmark.start()
    await until(lambda: len(house.workshop.worker.orders) == 2)
    await house.benchmark.cancel()
    assert house.workshop.worker.left == 2
    assert not house.workshop.held
    assert house.benchmark.result is not None
    assert house.benchmark.result.digest == before.digest
    assert len(house.workshop.kept) == 1
    await house.benchmark.cancel()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda house: setattr(house.workshop.worker, "error", WorkerDied("The worker ended.")), "The worker ended."),
        (
            lambda house: setattr(house.gauge, "telemetry", Telemetry(0, silence="It hangs.")),
            "It hangs.",
        ),
    ],
)
async def test_what_fails_is_told_in_words_and_the_node_works_on(spoil: Callable[[House], None], words: str) -> None:
    house = House()
    spoil(house)
    result = await house.measured()
    assert words in result.detail
    await until(lambda: not house.workshop.held)
    assert house.workshop.kept == []


async def test_a_run_that_is_cancelled_before_its_first_step_holds_nothing() -> None:
    house = House()
    house.benchmark.start()
    await house.benchmark.cancel()
    assert not house.workshop.held
    assert house.benchmark.result is None
    assert house.workshop.worker.orders == []


async def test_a_bug_is_told_and_the_next_run_may_begin(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.workshop.worker.rate = -1
    assert "made a mistake" in (await house.measured()).detail
    assert "ended by a bug" in caplog.text
    house.workshop.worker.rate = 20_000
    assert (await house.measured()).tokens_per_s == 20.0


async def test_a_verifiers_seed_is_the_one_that_is_used() -> None:
    house = House()
    await house.measured("1f" * 32)
    assert house.workshop.worker.orders[0].seed == bind(b"\x1f" * 32, SIGNER.public_key).hex()


async def test_it_works_on_for_minutes_where_that_is_asked_for_and_says_how_warm_it_got() -> None:
    house = House(gauge=FakeGauge(telemetry=Telemetry(0, load=0.02, temperature_c=71.0, throttled=("heat",))))
    await house.measured(soak_minutes=10)
    assert house.workshop.worker.orders[0].soak_ms == 600_000
    assert house.part(f"{SPEED_KEPT} 10 min") == "It reached 71 °C. It held itself back: heat."
    ((_, signed),) = house.workshop.kept
    verify(signed)


async def test_energy_is_counted_through_two_windows() -> None:
    house = House(gauge=FakeGauge(watts=50.0))
    await house.measured()
    assert house.workshop.worker.orders[0].energy_windows == 2
    # One second at 50 W for 100 tokens: half a joule each.
    assert house.part(ENERGY) == "500000"


async def test_energy_is_unknown_without_a_counter_and_where_it_does_not_count() -> None:
    house = House()
    await house.measured()
    assert house.workshop.worker.orders[0].energy_windows == 0
    assert house.part(ENERGY).startswith("Unknown")
    house = House(gauge=FakeGauge(watts=0.0))
    await house.measured()
    assert "did not count" in house.part(ENERGY)
    house = House(gauge=FakeGauge(watts=-90.0))
    await house.measured()
    assert "did not count" in house.part(ENERGY)


@pytest.mark.parametrize(
    ("rate", "change"), [(20_050, Change.WITHIN_NOISE), (21_000, Change.MORE), (19_000, Change.LESS)]
)
async def test_a_run_is_compared_with_the_one_before(rate: int, change: Change) -> None:
    house = House()
    first = await house.measured()
    assert first.parts[0].change is Change.UNKNOWN
    house.workshop.worker.rate = rate
    second = await house.measured()
    assert second.parts[0].change is change
    assert second.parts[1].change is Change.UNKNOWN


async def test_the_last_run_is_shown_after_a_new_start() -> None:
    house = House()
    await house.measured()
    later = Benchmark(
        house.workshop,
        Measuring(house.gauge, SIGNER, version="0.1.0", now_ms=lambda: 0),
        changed=lambda: None,
        new_seed=lambda: OWN_SEED,
    )
    await later.restore()
    assert later.result is not None
    assert later.result.tokens_per_s == 20.0


def test_what_is_odd_before_is_told() -> None:
    first = Telemetry(1000, power_w=30.0)
    second = Telemetry(
        3000,
        power_w=40.0,
        load=0.4,
        temperature_c=85.0,
        processes=(ProcessUse(1, None, None), ProcessUse(2, 10, 0.4)),
        throttled=("too hot",),
    )
    found = preflight_of(first, second, (1,))
    assert found.idle_power_mw == 35_000
    assert found.others == 1
    assert len(found.notes) == 4
    assert preflight_of(Telemetry(0), Telemetry(2000), ()).notes == ()
    assert preflight_of(Telemetry(0), Telemetry(2000), ()).others is None
