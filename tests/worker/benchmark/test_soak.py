"""Whether the speed lasts, on an engine that says how fast it is and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
import torch

from desktop.domain.benchmark import SPEED_KEPT, Part, Unit
from desktop.domain.inference import FinishReason
from desktop.worker.benchmark.model import Exercise, Subject
from desktop.worker.benchmark.soak import WINDOWS, soak
from desktop.worker.engine.architecture import Architecture, RopeScaling
from desktop.worker.engine.engine import Engine, EngineStats, Request, TokenEvent

SLOTS = 4
MINUTES = 10
CONTEXT = 64
A = Architecture(
    layers=1,
    hidden=8,
    inner=16,
    heads=2,
    kv_heads=1,
    head=4,
    vocabulary=100,
    positions=CONTEXT,
    norm_epsilon=1e-5,
    rope_theta=10_000.0,
    rope_scaling=RopeScaling(),
    tied=True,
    qkv_bias=False,
    output_bias=False,
    head_norm=False,
)


@dataclass
class TimedEngine:
    """Every running answer gets a token with each step, which takes as long as `step_s` says for that moment."""

    step_s: Callable[[float], float]
    now_s: float = 0.0
    left: dict[str, int] = field(default_factory=dict)
    begun: int = 0

    def submit(self, request: Request) -> None:
        assert request.id not in self.left
        self.left[request.id] = request.max_tokens
        self.begun += 1

    def cancel(self, request_id: str) -> None:
        self.left.pop(request_id, None)

    def step(self) -> list[TokenEvent]:
        self.now_s += self.step_s(self.now_s)
        events = []
        for name in list(self.left):
            self.left[name] -= 1
            finish = FinishReason.LENGTH if self.left[name] == 0 else None
            events.append(TokenEvent(name, 7, torch.zeros(1), finish))
            if finish:
                del self.left[name]
        return events

    def stats(self) -> EngineStats:
        return EngineStats(SLOTS, len(self.left), 0, 0, 0, 0, 0)


def run(engine: TimedEngine, *, steps: int | None = None) -> list[Part]:
    subject = Subject(cast("Engine", engine), A, CONTEXT, torch.float32)
    course = soak(Exercise(subject, lambda: engine.now_s, 5), MINUTES * 60_000)
    taken = 0
    while steps is None or taken < steps:
        try:
            next(course)
        except StopIteration as done:
            return cast("list[Part]", done.value)
        taken += 1
    course.close()
    return []


def test_a_speed_that_lasts_is_kept_whole() -> None:
    engine = TimedEngine(lambda _: 0.05)

    speed, kept = run(engine)

    assert speed.name == "write, 4 at once, for 10 min"
    assert (speed.unit, speed.blocks) == (Unit.TOKENS, WINDOWS)
    assert speed.median == pytest.approx(SLOTS / 0.05 * 1000, rel=0.01)
    assert (kept.name, kept.unit) == (f"{SPEED_KEPT} 10 min", Unit.SHARE)
    assert kept.median == pytest.approx(1_000_000, rel=0.01)
    assert MINUTES * 60 <= engine.now_s <= MINUTES * 60 + 10
    assert engine.begun > SLOTS  # answers that filled the context were begun anew
    assert not engine.left


def test_a_card_that_slows_down_as_it_gets_warm_shows_it() -> None:
    engine = TimedEngine(lambda now_s: 0.05 if now_s < 300 else 0.08)

    _, kept = run(engine)

    assert kept.median is not None
    assert kept.low is not None
    assert kept.high is not None
    assert kept.median == pytest.approx(0.05 / 0.08 * 1_000_000, rel=0.02)
    assert kept.low <= kept.median <= kept.high < 700_000


@pytest.mark.parametrize("steps", [1, 3, 500])
def test_it_can_be_ended_at_any_step_and_leaves_nothing(steps: int) -> None:
    engine = TimedEngine(lambda _: 0.05)

    run(engine, steps=steps)

    assert not engine.left
