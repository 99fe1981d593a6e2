"""Our engine beside transformers in one run: `python -m tests.bench.engine [THREADS] [ROUNDS]`.

The bundled chat model in fp32, greedy, the same prompts and number of threads on both sides. Times are from request to
last token, prompt included. The two sides take turns within each round and ratios are taken round by round, so that
a busy machine disturbs both alike; all figures are medians over the rounds. The last line is JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

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
        "decode_8": (
            lambda: _generate(theirs, crowd, ANSWER_TOKENS),
            lambda: _answer(ours, crowd, ANSWER_TOKENS),
            ANSWER_TOKENS * CROWD,
        ),
        "prefill_512": (lambda: _generate(theirs, long, 1), lambda: _answer(ours, long, 1), LONG_PROMPT_TOKENS),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, (their_run, our_run, _) in cases.items():
            pair = _time(their_run), _time(our_run)
            if turn:  # the first round warms both up
                seconds[name].append(pair)
    result: dict[str, float] = {"threads": threads, "rounds": rounds}
    for name, (_, _, tokens) in cases.items():
        result[f"{name}_transformers"] = tokens / statistics.median(their for their, _ in seconds[name])
        result[f"{name}_ours"] = tokens / statistics.median(our for _, our in seconds[name])
        result[f"{name}_ratio"] = statistics.median(their / our for their, our in seconds[name])
    result["crowd_gain"] = statistics.median(
        CROWD * one / eight for (_, one), (_, eight) in zip(seconds["decode_1"], seconds["decode_8"], strict=True)
    )
    for name in cases:
        figures = (result[f"{name}_{side}"] for side in ("transformers", "ours", "ratio"))
        print("{:>12}  transformers {:8.1f} tok/s  ours {:8.1f} tok/s  ratio {:5.2f}".format(name, *figures))  # noqa: T201 - a report
    print(f"{'crowd gain':>12}  {CROWD} answers at once give {result['crowd_gain']:.2f} times one")  # noqa: T201 - same
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
    assert answer.shape[1] == prompts.shape[1] + count  # noqa: S101 - a benchmark of less work would be a lie


def _answer(engine: TorchEngine, prompts: torch.Tensor, count: int) -> None:
    requests = [request(str(index), prompt.tolist(), count) for index, prompt in enumerate(prompts)]
    answers = finish(engine, requests)
    assert all(len(answer) == count for answer in answers.values())  # noqa: S101 - same


def _time(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*(int(each) for each in [*sys.argv[1:], *["1", "5"][len(sys.argv) - 1 :]]))
