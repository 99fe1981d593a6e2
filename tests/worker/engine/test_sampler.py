from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from desktop.worker.engine.sampler import Choice, choose

LOGITS = np.array([2.0, 1.0, 0.5, 0.0, -1.0, -30.0], dtype=np.float32)
WEIGHTS = np.exp(LOGITS.astype(np.float64))


def draws(choice: Choice, logits: NDArray[np.float32] = LOGITS, count: int = 4000) -> NDArray[np.float64]:
    tokens = [choose(logits, choice, place) for place in range(count)]
    return np.bincount(tokens, minlength=len(logits)) / count


def by_the_book(logits: NDArray[np.float32], choice: Choice, place: int) -> int:
    """The rule over the whole vocabulary, without any short cut."""
    scores = logits.astype(np.float64) / choice.temperature
    if choice.top_k:
        scores[scores < np.sort(scores)[-min(choice.top_k, len(scores))]] = -np.inf
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    ordered = np.sort(weights)[::-1]
    if choice.top_p < 1.0:
        kept = int(np.searchsorted(np.cumsum(ordered), choice.top_p)) + 1
        scores[weights < ordered[min(kept, len(ordered)) - 1]] = -np.inf
    scores[weights < choice.min_p * weights.max() * (1 - 1e-12)] = -np.inf
    generator = np.random.Generator(np.random.Philox(key=np.array([choice.seed, place], dtype=np.uint64)))
    uniform = generator.random(len(logits), dtype=np.float32).astype(np.float64) + 2.0**-25
    return int(np.argmax(scores - np.log(-np.log(uniform))))


@given(
    logits=st.lists(st.integers(-400, 400).map(lambda tenth: tenth / 10), min_size=2, max_size=60, unique=True),
    choice=st.builds(
        Choice,
        temperature=st.sampled_from([0.1, 0.7, 1.0, 2.5]),
        top_p=st.sampled_from([0.05, 0.5, 0.93, 1.0]),
        top_k=st.sampled_from([0, 1, 3, 50]),
        min_p=st.sampled_from([0.0, 0.03, 0.5]),
        seed=st.integers(0, 2**63 - 1),
    ),
    place=st.integers(0, 2**31),
)
def test_short_cuts_never_change_the_choice(logits: list[float], choice: Choice, place: int) -> None:
    row = np.array(logits, dtype=np.float32)
    assert choose(row, choice, place) == by_the_book(row, choice, place)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    assert draws(Choice(temperature=1.0, seed=3)) == pytest.approx(WEIGHTS / WEIGHTS.sum(), abs=0.025)
    warm = np.exp(LOGITS.astype(np.float64) / 2)
    assert draws(Choice(temperature=2.0, seed=3)) == pytest.approx(warm / warm.sum(), abs=0.025)


def test_only_tokens_within_the_cut_are_drawn() -> None:
    assert (draws(Choice(temperature=1.0, top_k=2)) > 0).tolist() == [True, True, False, False, False, False]
    assert (draws(Choice(temperature=1.0, top_p=0.75)) > 0).tolist() == [True, True, False, False, False, False]
    assert (draws(Choice(temperature=1.0, min_p=0.2)) > 0).tolist() == [True, True, True, False, False, False]


def test_greedy_takes_the_first_of_the_best() -> None:
    assert choose(np.array([0.0, 3.0, 3.0], dtype=np.float32), Choice(seed=8), 0) == 1


def test_seed_and_place_alone_make_the_noise() -> None:
    flat = np.zeros(50_000, dtype=np.float32)
    choice = Choice(temperature=1.0, seed=11)
    assert choose(flat, choice, 5) == choose(flat, choice, 5)
    assert len({choose(flat, choice, place) for place in range(20)}) == 20
    assert len({choose(flat, Choice(temperature=1.0, seed=seed), 0) for seed in range(20)}) == 20


def test_the_noise_is_pinned_for_whoever_replays_it() -> None:
    flat = np.zeros(49_152, dtype=np.float32)
    assert [choose(flat, Choice(temperature=1.0, seed=2**63 - 1), place) for place in range(3)] == [45753, 34859, 9039]


@pytest.mark.parametrize("temperature", [1e-300, 1e-9, 100.0])
def test_extreme_temperatures_are_no_accident(temperature: float) -> None:
    token = choose(LOGITS, Choice(temperature=temperature, top_p=0.5, seed=1), 0)
    assert 0 <= token < len(LOGITS)
    assert token == 0 or temperature > 1
