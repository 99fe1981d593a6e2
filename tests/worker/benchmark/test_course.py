"""The whole benchmark on the real engine, moved on step by step, without a process around it."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from desktop.domain.benchmark import BenchmarkOrder, Closing, Commitment, EnergyWindow, Opening, Part, Phase
from desktop.domain.errors import ModelNotFound, WorkerError
from desktop.domain.inference import Finish, FinishReason, Generation, Sampling
from desktop.domain.pricing import Usage
from desktop.proof.products import check_products
from desktop.worker.benchmark.device import slowness
from desktop.worker.benchmark.products import Products, fitting_size
from desktop.worker.benchmark.stopwatch import ProcessorStopwatch
from desktop.worker.models.store import ModelStore
from desktop.worker.serving import Serving
from tests.fakes.bundled_models import CHAT, bundled_catalogue

CPU = torch.device("cpu")
SEED = "1f" * 32


@pytest.fixture(scope="module")
def serving(store: ModelStore) -> Serving:
    """The chat model; every test leaves it idle."""
    serving = Serving()
    serving.load(bundled_catalogue().entry(CHAT), store.folder_of(CHAT))
    return serving


def order(budget_ms: int, *, windows: int = 0) -> BenchmarkOrder:
    return BenchmarkOrder("bench", CHAT, SEED, budget_ms, 16 << 20, windows, 300)


@pytest.mark.slow
def test_a_short_run_tells_everything_once_and_what_did_not_fit(serving: Serving) -> None:
    serving.measure(order(9_000, windows=1))
    events = []
    while not serving.idle:
        events += [event for _, event in serving.step()]
    assert isinstance(events[-1], Closing)
    parts = {event.name: event for event in events if isinstance(event, Part)}
    assert len(parts) == Counter(map(type, events))[Part]
    assert {"memory, copied", "memory, read", "read 512 tokens", "write, 1 at once", "write, 8 at once"} <= set(parts)
    assert "at most 8" in parts["write, 32 at once"].note
    assert "16 MiB may be used" in parts["memory, read"].note
    assert all(part.note or part.median for part in parts.values())
    products = next(part for name, part in parts.items() if name.startswith("multiply float32"))
    windows = [event for event in events if isinstance(event, EnergyWindow)]
    assert [window.ended for window in windows] == [False, True]
    assert windows[-1].tokens > 0
    shares = [event.share_done for event in events if isinstance(event, Phase)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    commitments = [event for event in events if isinstance(event, Commitment)]
    assert len(commitments) == 1 or "no time" in products.note
    for commitment in commitments:
        check_products(bytes.fromhex(SEED), commitment, [event for event in events if isinstance(event, Opening)])
    assert serving.stats()[CHAT].running == 0


def test_it_can_be_cancelled_at_any_step_and_leaves_nothing(serving: Serving) -> None:
    for steps in (0, 1, 40):
        serving.measure(order(400))
        for _ in range(steps):
            serving.step()
        serving.cancel("bench")
        if steps < 40:
            assert serving.step() == [("bench", Finish(FinishReason.CANCELLED, Usage(0, 0)))]
        while not serving.idle:
            serving.step()
        assert serving.stats()[CHAT].running == serving.stats()[CHAT].waiting == 0


def test_a_benchmark_has_the_device_to_itself(serving: Serving) -> None:
    generation = Generation("job", CHAT, Sampling(max_tokens=2), text="One, two,")
    serving.submit(generation)
    with pytest.raises(WorkerError, match="busy"):
        serving.measure(order(1_000))
    while not serving.idle:
        serving.step()
    serving.measure(order(1_000))
    with pytest.raises(WorkerError, match="being measured"):
        serving.submit(generation)
    serving.cancel("bench")
    serving.step()
    with pytest.raises(ModelNotFound):
        serving.measure(BenchmarkOrder("bench", "unknown", SEED, 1_000, 0))
    assert serving.idle


def test_rows_are_opened_as_they_were_committed_to() -> None:
    products = Products(bytes.fromhex(SEED), 32, CPU, ProcessorStopwatch())
    for _ in range(14):
        for _ in products.round():
            pass
    commitment = products.commitment()
    assert (commitment.size, len(commitment.roots)) == (32, 12)
    opened = products.openings()
    while True:
        try:
            next(opened)
        except StopIteration as done:
            check_products(bytes.fromhex(SEED), commitment, done.value)
            break


def test_a_device_that_computes_differently_twice_is_told() -> None:
    products = Products(bytes.fromhex(SEED), 32, CPU, ProcessorStopwatch())
    rounds = products.round()
    next(rounds)
    products.left += 1.0
    for _ in rounds:
        pass
    with pytest.raises(WorkerError, match="differently twice"):
        list(products.openings())


@pytest.mark.parametrize("size", [16, 256, 1024])
def test_the_products_are_exact_in_fp32(size: int) -> None:
    products = Products(bytes.fromhex(SEED), size, CPU, ProcessorStopwatch())
    rounds = products.round()
    next(rounds)
    next(rounds)
    assert torch.equal((products.left @ products.right).double(), products.left.double() @ products.right.double())
    # The worst there can be: every partial sum is still a number that fp32 has.
    worst = torch.full((size, size), -32.0)
    assert torch.equal(worst @ worst, torch.full((size, size), 1024.0 * size))
    rounds.close()


def test_sizes_fit_time_and_memory() -> None:
    assert fitting_size(CPU, 1e11, 4.0, 1 << 30) == 1024
    assert fitting_size(CPU, 1e9, 0.5, 1 << 30) == 128
    assert fitting_size(torch.device("cuda"), 5e13, 8.0, 1 << 40) == 4096
    assert fitting_size(torch.device("cuda"), 5e13, 8.0, 5 << 20) == 512
    assert fitting_size(CPU, 1.0, 0.0, 0) == 16


def test_the_probe_finds_fp32_as_fast_as_itself() -> None:
    assert 0.2 < slowness(torch.float32, CPU, ProcessorStopwatch()) < 5.0
