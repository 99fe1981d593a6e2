"""Chats and completions on a generating model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from desktop.domain.errors import ContextOverflow, ModelCorrupt, RequestError
from desktop.domain.inference import Delta, Finish, FinishReason, Generation, Sampling
from desktop.domain.pricing import Usage
from desktop.worker.benchmark.model import Subject
from desktop.worker.engine.architecture import Architecture
from desktop.worker.engine.engine import EngineStats, Request, TokenEvent
from desktop.worker.engine.sampler import Choice
from desktop.worker.engine.torch_engine import Pace, TorchEngine
from desktop.worker.lanes.lane import Output, require_unicode
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.text.detokenizer import Detokenizer
from desktop.worker.text.stop import StopFilter
from desktop.worker.text.template import ChatTemplate
from desktop.worker.text.tokenizer import Tokenizer

_MOST_STOPS = 16
_LONGEST_STOP = 256
_HOTTEST = 100.0
_SEEDS = 1 << 63


@dataclass(slots=True)
class _Answer:
    prompt_tokens: int
    detokenizer: Detokenizer
    stops: StopFilter
    tokens: int = 0
    told: int = 0


class ChatLane:
    """Turns jobs into engine requests and engine tokens into text.

    Usage: prompt tokens include the chat template's own; completion tokens are every token generated, with the stop
    token that ended the answer and the tokens of a stop string, though neither is shown. That is how OpenAI's and
    transformers' users count, and each of them cost a full step. A cancelled answer is charged for the part of the
    prompt that was read and for what was generated.
    """

    def __init__(self, entry: CatalogueEntry, tokenizer: Tokenizer, template: ChatTemplate, subject: Subject) -> None:
        self.subject = subject
        self._entry = entry
        self._tokenizer = tokenizer
        self._template = template
        self._engine = subject.engine
        self._stop_tokens = frozenset(tokenizer.specials[name] for name in entry.stop_tokens)
        self._answers: dict[str, _Answer] = {}

    @classmethod
    def load(
        cls, entry: CatalogueEntry, folder: Path, device: torch.device, dtype: torch.dtype, pace: Pace
    ) -> tuple[ChatLane, int]:
        """The lane for the model in `folder`, and its vocabulary's size; ModelCorrupt if a file is not usable."""
        architecture = Architecture.read(folder / "config.json", entry.architecture)
        tokenizer = Tokenizer(folder)
        tokenizer.require_bytes()
        if tokenizer.size > architecture.vocabulary or not tokenizer.specials.keys() >= set(entry.stop_tokens):
            raise ModelCorrupt("The file tokenizer.json is not usable.", why="It belongs to another model.")
        if entry.context_tokens > architecture.positions:
            raise ModelCorrupt("The file config.json is not usable.", why="Its context is shorter than declared.")
        template = ChatTemplate(entry.chat_template, tokenizer)
        engine = TorchEngine.load(
            folder, architecture, context_tokens=entry.context_tokens, device=device, dtype=dtype, pace=pace
        )
        subject = Subject(engine, architecture, entry.context_tokens, dtype)
        return cls(entry, tokenizer, template, subject), architecture.vocabulary

    def submit(self, generation: Generation) -> None:
        """Queue the job; RequestError or ContextOverflow when it cannot be run as it stands."""
        sampling = generation.sampling
        self._check(sampling)
        prompt = self._prompt(generation)
        room = self._entry.context_tokens - len(prompt)
        if room < 1:
            raise ContextOverflow(
                f"A prompt of {len(prompt)} tokens leaves no room for an answer.",
                parameter="messages" if generation.messages else "prompt",
                why=f"The model's context is {self._entry.context_tokens} tokens.",
                now="Shorten the prompt.",
            )
        most = min(room, sampling.max_tokens or self._entry.max_output_tokens)
        choice = Choice(sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p, sampling.seed)
        answer = _Answer(len(prompt), Detokenizer(self._tokenizer), StopFilter(sampling.stop))
        self._engine.submit(Request(generation.job_id, tuple(prompt), most, choice, self._stop_tokens))
        self._answers[generation.job_id] = answer

    def cancel(self, job_id: str) -> Finish | None:
        """Free the job's slot now."""
        usage = self._engine.cancel(job_id)
        if usage is None:
            return None
        del self._answers[job_id]
        return Finish(FinishReason.CANCELLED, usage)

    def step(self) -> list[tuple[str, Output]]:
        """One token for every running answer."""
        return [(event.request_id, output) for event in self._engine.step() for output in self._take(event)]

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - it is what is kept
        """Whether the engine reads fewer prompt tokens in one step."""
        self._engine.keep_steps_short(short)

    @property
    def idle(self) -> bool:
        """Whether the engine has nothing to do."""
        return self._engine.idle

    def stats(self) -> EngineStats:
        """The engine's."""
        return self._engine.stats()

    def _take(self, event: TokenEvent) -> list[Output]:
        answer = self._answers[event.request_id]
        answer.tokens += 1
        text = answer.stops.push(answer.detokenizer.push(event.token))
        if event.finish:
            text += answer.stops.push(answer.detokenizer.flush()) + answer.stops.flush()
        outputs: list[Output] = []
        if text:
            outputs.append(Delta(text, answer.tokens - answer.told))
            answer.told = answer.tokens
        if event.finish or answer.stops.stopped:
            if not event.finish:
                self._engine.cancel(event.request_id)
            del self._answers[event.request_id]
            reason = FinishReason.STOP if answer.stops.stopped else event.finish or FinishReason.STOP
            outputs.append(Finish(reason, Usage(answer.prompt_tokens, answer.tokens)))
        return outputs

    def _prompt(self, generation: Generation) -> list[int]:
        if bool(generation.messages) == (generation.text is not None):
            raise RequestError("Either messages or a prompt is needed, and not both.", parameter="messages")
        if generation.text is not None:
            require_unicode(generation.text, "prompt")
            tokens = self._tokenizer.encode(generation.text)
            if not tokens:
                raise RequestError("The prompt is empty.", parameter="prompt")
            return tokens
        for message in generation.messages:
            require_unicode(message.content, "messages")
            if message.role not in {"system", "user", "assistant"}:
                raise RequestError("A message has an unknown role.", parameter="messages")
        return self._template.encode(generation.messages)

    def _check(self, sampling: Sampling) -> None:
        limits = {
            "max_tokens": sampling.max_tokens is None or 1 <= sampling.max_tokens <= self._entry.max_output_tokens,
            "temperature": 0.0 <= sampling.temperature <= _HOTTEST,
            "top_p": 0.0 < sampling.top_p <= 1.0,
            "min_p": 0.0 <= sampling.min_p <= 1.0,
            "top_k": sampling.top_k >= 0,
            "seed": 0 <= sampling.seed < _SEEDS,
            "stop": len(sampling.stop) <= _MOST_STOPS
            and all(1 <= len(stop) <= _LONGEST_STOP for stop in sampling.stop),
        }
        for name, within in limits.items():
            if not within:
                why = (
                    f"This model writes at most {self._entry.max_output_tokens} tokens." if name == "max_tokens" else ""
                )
                raise RequestError(f"The value of {name} is out of range.", parameter=name, why=why)
