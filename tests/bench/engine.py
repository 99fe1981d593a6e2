"""Our engine beside transformers in one run: `python -m tests.bench.engine [THREADS] [ROUNDS]`.

The bundled chat model in fp32, greedy, the same prompts and number of threads on both sides. Times are from request to
last token, prompt included. The two sides take turns within each round and ratios are taken round by round, so that
a busy machine disturbs both alike; all figures are medians over the rounds. Each ratio is given for the clock on the
wall and for the processor time used: on a machine with other work only the second means something, and only with
one thread, because idle threads spin. The last line is JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.torch_engine import Pace, TorchEngine
from tests.fakes.bundled_models import CHAT, bundled_store
from tests.worker.engine.drive import finish, request
from tests.worker.engine.reference import ReferenceModel, reference_model

ANSWER_TOKENS = 64
SHORT_PROMPT_TOKENS = 32
LONG_PROMPT_TOKENS = 512
CROWD = 8


class Spent(NamedTuple):
    """What a run took: seconds on the wall, seconds of processors."""

    wall_s: float
    cpu_s: float


def main(threads: int, rounds: int) -> None:
    """Measure, print a table for people and a line for programs."""
    torch.set_num_threads(threads)
    theirs, ours = reference_model(), _engine()
    torch.manual_seed(0)
    crowd = torch.randint(1000, 40_000, (CROWD, SHORT_PROMPT_TOKENS))
    long = torch.randint(1000, 40_000, (1, LONG_PROMPT_TOKENS))
    cases: dict[str, tuple[Callable[[], None], Callable[[], None], int]] = {
        "decode_1": (
            lambda: _generate(theirs, crowd[:1], ANSWER_TOKENS),
            lambda: _answer(ours, crowd[:1], ANSWER_TOKENS),
            ANSWER_TOKENS,
        ),
        "decode_2": (
            lambda: _generate(theirs, crowd[:2], ANSWER_TOKENS),
            lambda: _answer(ours, crowd[:2], ANSWER_TOKENS),
            ANSWER_TOKENS * 2,
        ),
        "decode_8": (
            lambda: _generate(theirs, crowd, ANSWER_TOKENS),
            lambda: _answer(ours, crowd, ANSWER_TOKENS),
            ANSWER_TOKENS * CROWD,
        ),
        "prefill_512": (lambda: _generate(theirs, long, 1), lambda: _answer(ours, long, 1), LONG_PROMPT_TOKENS),
    }
    spent: dict[str, list[tuple[Spent, Spent]]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, (their_run, our_run, _) in cases.items():
            pair = _measure(their_run), _measure(our_run)
            if turn:  # the first round warms both up
                spent[name].append(pair)
    result: dict[str, float] = {"threads": threads, "rounds": rounds}
    for name, (_, _, tokens) in cases.items():
        pairs = spent[name]
        result[f"{name}_transformers"] = tokens / statistics.median(their.wall_s for their, _ in pairs)
        result[f"{name}_ours"] = tokens / statistics.median(our.wall_s for _, our in pairs)
        result[f"{name}_ratio"] = statistics.median(their.wall_s / our.wall_s for their, our in pairs)
        result[f"{name}_cpu_ratio"] = statistics.median(their.cpu_s / our.cpu_s for their, our in pairs)
    alone, together = ([our for _, our in spent[name]] for name in ("decode_1", "decode_8"))
    gains = [(CROWD * a.wall_s / b.wall_s, CROWD * a.cpu_s / b.cpu_s) for a, b in zip(alone, together, strict=True)]
    result["crowd_gain"], result["crowd_cpu_gain"] = (statistics.median(each) for each in zip(*gains, strict=True))
    for name in cases:
        figures = (result[f"{name}_{part}"] for part in ("transformers", "ours", "ratio", "cpu_ratio"))
        line = "{:>12}  transformers {:7.1f} tok/s  ours {:7.1f} tok/s  ratio {:.2f}, by processor time {:.2f}"
        print(line.format(name, *figures))  # noqa: T201 - a report
    gain = "{:>12}  {} answers at once give {crowd_gain:.2f} times one, by processor time {crowd_cpu_gain:.2f}"
    print(gain.format("crowd gain", CROWD, **result))  # noqa: T201 - same
    print(json.dumps({name: round(value, 3) for name, value in result.items()}))  # noqa: T201 - same


def _engine() -> TorchEngine:
    folder = bundled_store().folder_of(CHAT)
    return TorchEngine.load(
        folder,
        Architecture.read(folder / "config.json", "LlamaForCausalLM"),
        context_tokens=2048,
        device=torch.device("cpu"),
        dtype=torch.float32,
        pace=Pace(slots=CROWD),
    )


def _generate(model: ReferenceModel, prompts: torch.Tensor, count: int) -> None:
    answer = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        pad_token_id=2,
    )
    assert answer.shape[1] == prompts.shape[1] + count


def _answer(engine: TorchEngine, prompts: torch.Tensor, count: int) -> None:
    requests = [request(str(index), prompt.tolist(), count) for index, prompt in enumerate(prompts)]
    answers = finish(engine, requests)
    assert all(len(answer) == count for answer in answers.values())


def _measure(run: Callable[[], None]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main(*(int(each) for each in [*sys.argv[1:], *["1", "5"][len(sys.argv) - 1 :]]))
