"""The choice of the next token: a pure function of logits, settings, seed and place in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_REACH: Final = 21.0
"""Noise spans -2.9 … 17.4, so a token more than this far below the best can never win."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How tokens are chosen; the fields mean what `desktop.domain.inference.Sampling` says."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0


def choose(logits: NDArray[np.float32], choice: Choice, place: int) -> int:
    """The token at `place` (0 is the answer's first) for `logits` [vocabulary].

    Greedy at temperature 0, the lowest token id winning a tie. Else the Gumbel-max rule: of the tokens that `top_k`,
    then `top_p`, then `min_p` leave, the one with the largest logit / temperature + noise. Noise is counter-based
    (Philox, keyed by seed and place), so nothing depends on the batch, on earlier draws or on the device, and anyone
    who has the logits can replay the choice. All arithmetic here is float64 on the CPU.
    """
    if choice.temperature <= 0.0:
        return int(logits.argmax())
    # Tokens out of reach are dropped first: what follows looks at a few hundred, not at the vocabulary.
    best = float(logits.max())
    candidates = np.flatnonzero(logits >= best - _REACH * choice.temperature)
    scores = (logits[candidates].astype(np.float64) - best) / choice.temperature
    if choice.top_k and choice.top_k < len(scores):
        least = np.partition(scores, -choice.top_k)[-choice.top_k]
        candidates, scores = _keep(scores >= least, candidates, scores)
    if choice.top_p < 1.0:
        total = (
            np.exp(scores).sum()
            if choice.top_k
            else np.exp((logits.astype(np.float64) - best) / choice.temperature).sum()
        )
        candidates, scores = _nucleus(candidates, scores, choice.top_p * float(total))
    if choice.min_p > 0.0:
        candidates, scores = _keep(scores >= np.log(choice.min_p), candidates, scores)
    return int(candidates[np.argmax(scores + _noise(choice.seed, place, len(logits))[candidates])])


def _nucleus(
    candidates: NDArray[np.intp], scores: NDArray[np.float64], mass: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The fewest likeliest tokens whose weights reach `mass`; every token as likely as the last of them stays too."""
    ordered = np.sort(scores)[::-1]
    count = int(np.searchsorted(np.cumsum(np.exp(ordered)), mass)) + 1
    if count >= len(scores):
        return candidates, scores
    return _keep(scores >= ordered[count - 1], candidates, scores)


def _keep(
    mask: NDArray[np.bool_], candidates: NDArray[np.intp], scores: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    return candidates[mask], scores[mask]


def _noise(seed: int, place: int, count: int) -> NDArray[np.float64]:
    """Standard Gumbel noise for every token, the middle of one of 2**24 equal steps each."""
    steps = np.random.Generator(np.random.Philox(key=np.array([seed, place], dtype=np.uint64)))
    uniform = steps.random(count, dtype=np.float32).astype(np.float64) + 2.0**-25
    noise: NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise
