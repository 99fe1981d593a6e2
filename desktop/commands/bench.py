"""`hearth bench`: how fast this computer answers, with the real engine in the real sandbox."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from dataclasses import asdict, dataclass

from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.domain.errors import SettingsError
from desktop.domain.inference import Delta, Finish, Generation, Sampling
from desktop.domain.model import ModelKind
from desktop.worker.handle import WorkerHandle

ROUNDS = 3
PROMPT_WORDS = 400
ANSWER_TOKENS = 64
BATCHES = (1, 4, 8)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: the median of its rounds and their range, in tokens per second."""

    name: str
    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Run:
    """One round: tokens of all prompts, of all answers, and seconds to the first token and to the end."""

    prompt_tokens: int
    answer_tokens: int
    first_s: float
    total_s: float


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="", metavar="ID", help="the model (default: the first chat model)")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Measure for about a minute and print medians. Ctrl+C ends it."""
    model_id = arguments.model or next(
        (entry.id for entry in home.catalogue().entries if entry.kind is ModelKind.CHAT), ""
    )
    if home.catalogue().entry(model_id).kind is not ModelKind.CHAT:
        raise SettingsError(f"{model_id} writes no answers.", now="Choose a chat model.")
    asyncio.run(_measure(model_id, home, console))
    return 0


async def _measure(model_id: str, home: Composition, console: Console) -> None:
    policy = home.mode_policy(unsandboxed=False)
    folders = await home.preparation(policy, console.note).folders([model_id])
    worker = await home.launcher(folders, policy).launch()
    try:
        console.note(f"{model_id} in the sandbox mode `{worker.mode.value}`.")
        await _round(worker, model_id, 1, "warm-up")
        results = []
        for batch in BATCHES:
            runs = [await _round(worker, model_id, batch, f"{batch}-{number}") for number in range(ROUNDS)]
            if batch == 1:
                results.append(_measured("prefill", [each.prompt_tokens / each.first_s for each in runs]))
            decode = [(each.answer_tokens - batch) / (each.total_s - each.first_s) for each in runs]
            results.append(_measured(f"decode, {batch} at once", decode))
            console.note(f"  {results[-1].name}: {results[-1].median:,.1f} tokens/s")
    finally:
        await worker.stop(1.0)
    console.document({"model": model_id, "tokens_per_s": [asdict(each) for each in results]})
    console.table(
        ("tokens per second", "median", "least", "most"),
        [(each.name, *(f"{value:,.1f}" for value in (each.median, each.least, each.most))) for each in results],
    )


async def _round(worker: WorkerHandle, model_id: str, batch: int, name: str) -> Run:
    start = time.perf_counter()
    answers = await asyncio.gather(*(_answer(worker, model_id, f"{name}-{number}") for number in range(batch)))
    total_s = time.perf_counter() - start
    return Run(
        sum(finish.usage.prompt_tokens for _, finish in answers),
        sum(finish.usage.completion_tokens for _, finish in answers),
        max(first_s for first_s, _ in answers) - start,
        total_s,
    )


async def _answer(worker: WorkerHandle, model_id: str, job_id: str) -> tuple[float, Finish]:
    """When the first token came, and the end."""
    prompt = " ".join(f"{job_id} {number}" for number in range(PROMPT_WORDS // 4))
    sampling = Sampling(max_tokens=ANSWER_TOKENS, temperature=1.0, seed=1)
    first_s: float | None = None
    async for piece in worker.generate(Generation(job_id, model_id, sampling, text=prompt)):
        if first_s is None:
            first_s = time.perf_counter()
        if isinstance(piece, Finish):
            return first_s, piece
        if not isinstance(piece, Delta):
            break
    raise SettingsError("The worker gave no answer.")


def _measured(name: str, values: list[float]) -> Measured:
    return Measured(name, statistics.median(values), min(values), max(values))
