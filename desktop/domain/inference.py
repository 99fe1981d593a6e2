"""What is asked of a worker and what it answers; data only, never code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from desktop.domain.pricing import Usage

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen.

    `max_tokens` None means as many as fit; in any case an answer that fills the context ends there, with LENGTH.
    `temperature` 0 is greedy. The same `seed` (0 … 2**63-1), prompt and model give the same answer in any batch.
    `stop` strings end the answer and are not part of it. `logit_penalties` are absent on purpose: nothing that
    a verifier cannot replay from the answer alone.
    """

    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    min_p: float = 0.0
    top_k: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """A chat (`messages`) or a plain completion (`text`): exactly one of the two is given."""

    job_id: str
    model_id: str
    sampling: Sampling
    messages: tuple[Message, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """Texts to embed together."""

    job_id: str
    model_id: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer: text that is final, and how many tokens were generated since the last piece."""

    text: str
    tokens: int


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer; `usage` is what is charged."""

    reason: FinishReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector per text, in order, each of unit length."""

    vectors: tuple[tuple[float, ...], ...] = field(repr=False)
    usage: Usage
