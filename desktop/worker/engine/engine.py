"""What an engine is: it holds one model, takes requests, and moves all of them one step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from desktop.domain.inference import FinishReason
from desktop.domain.pricing import Usage
from desktop.worker.engine.sampler import Choice


@dataclass(frozen=True, slots=True)
class Request:
    """Tokens to continue. Prompt and `max_tokens` together fit the model's context; the caller sees to that."""

    id: str
    prompt: tuple[int, ...]
    max_tokens: int
    choice: Choice
    stop_tokens: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class TokenEvent:
    """One token of one request. `finish` is set on the last; a stop token is reported like any other.

    `hidden` [hidden] is the post-norm state the token was chosen from, on the engine's device. It is a view into the
    step's batch: copy it to keep it.
    """

    request_id: str
    token: int
    hidden: Tensor
    finish: FinishReason | None = None


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Where an engine stands: requests in slots and waiting, totals since it was loaded."""

    slots: int
    running: int
    waiting: int
    steps: int
    prompt_tokens: int
    completion_tokens: int
    cache_bytes: int


class Engine(Protocol):
    """Synchronous, single-threaded, deterministic: between two steps nothing happens.

    The worker owns pacing, pausing and cancelling because it owns the calls to `step`.
    """

    def submit(self, request: Request) -> None:
        """Queue the request; it starts within the next steps, in order of arrival."""

    def cancel(self, request_id: str) -> Usage | None:
        """Drop the request now and say what was read and written for it; None if it is not (or no longer) known."""

    def step(self) -> list[TokenEvent]:
        """One forward pass for everything that runs; no work, no events."""

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - it is what is kept
        """Do less in one step from now on, whatever that costs, or as much as is best again."""

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""

    def stats(self) -> EngineStats:
        """Numbers for the status line."""
