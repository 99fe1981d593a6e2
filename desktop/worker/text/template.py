"""Chat templates: messages to the exact prompt a model was trained on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import jinja2
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from desktop.domain.errors import ModelCorrupt, RequestError
from desktop.domain.inference import Message
from desktop.worker.text.tokenizer import Tokenizer

_LONGEST_PROMPT: Final = 4_000_000
_TIME_LIMIT_S: Final = 1.0
_GUARD: Final = "\ufdd0"
"""A Unicode noncharacter, which no text is meant to hold; where one does, the guard grows until it differs."""


class ChatTemplate:
    """The template of one model's catalogue entry, never one from a model folder or from a job.

    It renders in Jinja's immutable sandbox with a limit on what comes out and on the time of loops and calls. A
    buyer's messages are data to it: nothing in them is evaluated, and no control token can be spelled in them. The
    template itself is pinned in the catalogue; one that allocates wildly in a single expression is stopped by the
    worker's own limits, not here.
    """

    def __init__(self, source: str, tokenizer: Tokenizer, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokenizer = tokenizer
        self._environment = _Environment(clock)
        try:
            self._template = self._environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelCorrupt("The model's chat template is not usable.", why=f"{error}.") from error

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of the prompt that asks for the next turn after `messages`; RequestError if it refuses them."""
        guard = _GUARD
        while any(guard in message.content for message in messages):
            guard += _GUARD
        shielded = [
            {"role": message.role, "content": self._tokenizer.shield(message.content, guard)} for message in messages
        ]
        return self._tokenizer.encode_controlled(self._render(shielded), guard)

    def _render(self, messages: list[dict[str, str]]) -> str:
        self._environment.restart()
        pieces, length = [], 0
        try:
            for piece in self._template.generate(messages=messages, add_generation_prompt=True):
                length += len(piece)
                if length > _LONGEST_PROMPT:
                    raise _refusal("The prompt would be too long.")
                self._environment.check_time()
                pieces.append(piece)
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise _refusal(f"{error}.") from error
        return "".join(pieces)


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with a deadline that is looked at on every call and every piece of output."""

    def __init__(self, clock: Callable[[], float]) -> None:
        # The options are those chat templates are written for.
        super().__init__(trim_blocks=True, lstrip_blocks=True, autoescape=False)
        self._clock = clock
        self._deadline = 0.0
        self.globals["raise_exception"] = _raise

    def restart(self) -> None:
        self._deadline = self._clock() + _TIME_LIMIT_S

    def check_time(self) -> None:
        if self._clock() > self._deadline:
            raise _refusal("Rendering the chat template took too long.")

    def call(self, context: Context, target: object, *args: object, **kwargs: object) -> object:
        self.check_time()
        return super().call(context, target, *args, **kwargs)


def _raise(message: object) -> NoReturn:
    raise jinja2.TemplateError(str(message))


def _refusal(why: str) -> RequestError:
    return RequestError("The messages do not fit this model's chat format.", parameter="messages", why=why)
