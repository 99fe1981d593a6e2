"""Driving an engine by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desktop.worker.engine.engine import Engine, Request
from desktop.worker.engine.sampler import Choice

GREEDY = Choice()


def request(
    name: str,
    prompt: Sequence[int],
    max_tokens: int = 8,
    choice: Choice = GREEDY,
    stop_tokens: Iterable[int] = (),
) -> Request:
    return Request(name, tuple(prompt), max_tokens, choice, frozenset(stop_tokens))


def finish(engine: Engine, requests: Sequence[Request], stagger: int = 0) -> dict[str, list[int]]:
    """Every request's tokens; with `stagger`, a request arrives only every that many steps."""
    answers: dict[str, list[int]] = {each.id: [] for each in requests}
    waiting = list(requests)
    step = 0
    while waiting or not engine.idle:
        while waiting and (not stagger or step % stagger == 0):
            engine.submit(waiting.pop(0))
            if stagger:
                break
        for event in engine.step():
            answers[event.request_id].append(event.token)
        step += 1
    return answers
