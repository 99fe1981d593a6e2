from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.inference import FinishReason
from desktop.domain.pricing import Usage
from desktop.worker.engine.engine import Request
from desktop.worker.engine.torch_engine import Pace, TorchEngine
from tests.worker.engine.drive import finish, request
from tests.worker.engine.test_families import build, load

PACE = Pace(slots=3, prompt_tokens_alone=16, prompt_tokens_beside=4)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    return load(build("llama"), tmp_path_factory.mktemp("model"), PACE)


def test_without_work_a_step_does_nothing(small: TorchEngine) -> None:
    steps = small.stats().steps
    assert small.idle
    assert small.step() == []
    assert small.stats().steps == steps


def test_an_answer_ends_at_its_limit_or_with_a_stop_token(small: TorchEngine) -> None:
    (free,) = finish(small, [request("free", [1, 2, 3], 6)]).values()
    stop = free[3]
    first = free.index(stop)
    small.submit(request("stopped", [1, 2, 3], 6, stop_tokens=[stop]))
    events = []
    while not small.idle:
        events += small.step()
    assert [event.token for event in events] == free[: first + 1]
    assert [event.finish for event in events] == [None] * first + [FinishReason.STOP]


def test_cancel_frees_the_slot_before_the_next_step(small: TorchEngine) -> None:
    for name in "abcd":
        small.submit(request(name, [4, 5], 50))
    while small.stats().running < PACE.slots or not small.step():
        small.step()
    assert (small.stats().running, small.stats().waiting) == (3, 1)
    usage = small.cancel("b")
    assert usage is not None
    assert usage.prompt_tokens == 2
    assert usage.completion_tokens > 0
    assert small.stats().running == 2
    heard = {event.request_id for _ in range(2) for event in small.step()}
    assert heard == {"a", "c", "d"}
    assert small.cancel("b") is None
    assert [small.cancel(name) is not None for name in "acd"] == [True] * 3
    assert small.idle


def test_a_cancelled_prompt_counts_as_far_as_it_was_read(small: TorchEngine) -> None:
    small.submit(request("long", [7] * 40, 5))
    small.step()
    assert small.cancel("long") == Usage(PACE.prompt_tokens_alone, 0)
    small.submit(request("unread", [7] * 40, 5))
    assert small.cancel("unread") == Usage(0, 0)


def test_a_long_prompt_never_stops_a_running_answer(small: TorchEngine) -> None:
    small.submit(request("running", [1, 2], 30))
    small.step()
    small.submit(request("newcomer", [3] * 60, 2))
    for _ in range(60 // PACE.prompt_tokens_beside):
        assert "running" in {event.request_id for event in small.step()}
    assert "newcomer" in {event.request_id for _ in range(2) for event in small.step()}
    small.cancel("running")
    small.cancel("newcomer")


def test_where_newcomers_outnumber_the_answers_one_step_reads_more_of_them(small: TorchEngine) -> None:
    small.submit(request("first", [1, 2], 30))
    small.step()
    for name in ("second", "third"):
        small.submit(request(name, [3] * PACE.prompt_tokens_beside, 20))
    assert {event.request_id for event in small.step()} == {"first", "second", "third"}
    for name in ("first", "second", "third"):
        small.cancel(name)


@given(st.integers(1, 64), st.integers(1, 64))
def test_a_step_reads_no_less_than_beside_a_crowd_and_no_more_than_alone(answers: int, newcomers: int) -> None:
    pace = Pace()
    read = pace.prompt_tokens(answers=answers, newcomers=newcomers, short=False)
    assert pace.prompt_tokens_beside <= read <= pace.prompt_tokens_alone
    assert read == pace.prompt_tokens_beside or newcomers > answers
    assert pace.prompt_tokens(answers=answers, newcomers=newcomers, short=True) == pace.prompt_tokens_beside
    assert pace.prompt_tokens(answers=0, newcomers=newcomers, short=False) == pace.prompt_tokens_alone


@settings(max_examples=25)
@given(
    plan=st.lists(
        st.tuples(st.integers(1, 40), st.integers(1, 8), st.integers(0, 12), st.integers(1, 20) | st.none()),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_comes_and_goes_every_answer_is_as_if_alone(
    plan: list[tuple[int, int, int, int | None]], small: TorchEngine
) -> None:
    arrivals: dict[int, list[Request]] = {}
    cancels: dict[int, list[str]] = {}
    alone: dict[str, list[int]] = {}
    for index, (length, most, arrival, cancel) in enumerate(plan):
        prompt = [(index * 31 + place * 7) % 198 + 1 for place in range(length)]
        each = request(str(index), prompt, most)
        alone |= finish(small, [each])
        arrivals.setdefault(arrival, []).append(each)
        if cancel is not None:
            cancels.setdefault(cancel, []).append(each.id)
    answers: dict[str, list[int]] = {name: [] for name in alone}
    cancelled = set()
    for step in itertools.count():
        for each in arrivals.pop(step, ()):
            small.submit(each)
        cancelled |= {name for name in cancels.pop(step, ()) if small.cancel(name)}
        for event in small.step():
            assert event.request_id not in cancelled
            answers[event.request_id].append(event.token)
        assert small.stats().running <= PACE.slots
        if small.idle and not arrivals:
            break
    for name, answer in answers.items():
        assert answer == (alone[name][: len(answer)] if name in cancelled else alone[name])


def test_memory_grows_only_as_far_as_it_is_needed(tmp_path: Path) -> None:
    engine = load(build("llama"), tmp_path, Pace(slots=2))
    first = engine.stats().cache_bytes
    finish(engine, [request("short", [1] * 200, 8)])
    assert engine.stats().cache_bytes == first
    finish(engine, [request("long", [1] * 400, 112)])
    assert engine.stats().cache_bytes == 2 * first


def test_a_step_leaves_no_trace_for_gradients(small: TorchEngine) -> None:
    small.submit(request("one", [1], 1))
    (event,) = small.step()
    assert event.hidden.shape == (48,)
    assert not event.hidden.requires_grad
    assert event.hidden.dtype == torch.float32
