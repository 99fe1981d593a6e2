"""From a request as it was sent to an order as the node takes it."""

from __future__ import annotations

from collections.abc import Callable

from desktop.domain.errors import RequestError
from desktop.domain.inference import Message, Role, Sampling
from desktop.domain.job import JobKind
from desktop.network.api.desk import Order
from desktop.network.api.schema import (
    ChatMessage,
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Generating,
    refuse_unsupported,
)

Seed = Callable[[], int]


def chat_order(request: ChatRequest, draw_seed: Seed) -> Order:
    """A chat; RequestError names the message or field to blame."""
    limit = request.max_completion_tokens
    if None not in (limit, request.max_tokens) and limit != request.max_tokens:
        raise RequestError(
            "`max_tokens` and `max_completion_tokens` differ.", parameter="max_tokens", now="Send one of them."
        )
    messages = tuple(_message(message, f"messages[{index}].") for index, message in enumerate(request.messages))
    return Order(
        JobKind.CHAT,
        request.model,
        sampling=_sampling(request, draw_seed, request.max_tokens if limit is None else limit),
        messages=messages,
    )


def completion_order(request: CompletionRequest, draw_seed: Seed) -> Order:
    """A plain completion of one text."""
    prompt = request.prompt
    if isinstance(prompt, list):
        if len(prompt) != 1:
            raise RequestError("One prompt at a time is taken.", parameter="prompt", now="Send one request for each.")
        prompt = prompt[0]
    if not prompt:
        raise RequestError("The prompt is empty.", parameter="prompt", now="Send some text.")
    return Order(
        JobKind.COMPLETION, request.model, sampling=_sampling(request, draw_seed, request.max_tokens), text=prompt
    )


def embedding_order(request: EmbeddingRequest) -> Order:
    """Texts to embed."""
    if request.encoding_format not in {None, "float", "base64"}:
        raise RequestError(
            "Embeddings come as `float` or `base64`.", parameter="encoding_format", now="Choose one of the two."
        )
    texts = (request.input,) if isinstance(request.input, str) else tuple(request.input)
    for index, text in enumerate(texts):
        if not text:
            name = "input" if isinstance(request.input, str) else f"input[{index}]"
            raise RequestError("A text to embed is empty.", parameter=name, now="Send some text.")
    return Order(JobKind.EMBEDDING, request.model, texts=texts)


def _message(message: ChatMessage, where: str) -> Message:
    refuse_unsupported(message, where)
    return Message(_role(message.role, where), _text(message, where))


def _role(role: str, where: str) -> Role:
    match role:
        case "system" | "developer":  # OpenAI's newer word for the same thing
            return "system"
        case "user":
            return "user"
        case "assistant":
            return "assistant"
        case _:
            raise RequestError(
                "A message's role is `system`, `user` or `assistant`.",
                parameter=f"{where}role",
                now="Tools and functions are not supported by this node.",
            )


def _text(message: ChatMessage, where: str) -> str:
    content = message.content
    if content is None:
        raise RequestError("A message has no content.", parameter=f"{where}content", now="Send some text.")
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for index, part in enumerate(content):
        if part.type != "text" or part.text is None:
            raise RequestError(
                "Only text parts are supported by this node.",
                parameter=f"{where}content[{index}]",
                now="Leave images, audio and files out.",
            )
        texts.append(part.text)
    return "".join(texts)


def _sampling(request: Generating, draw_seed: Seed, max_tokens: int | None) -> Sampling:
    stop = request.stop
    plain = Sampling()
    return Sampling(
        max_tokens=max_tokens,
        temperature=plain.temperature if request.temperature is None else request.temperature,
        top_p=plain.top_p if request.top_p is None else request.top_p,
        min_p=plain.min_p if request.min_p is None else request.min_p,
        top_k=plain.top_k if request.top_k is None else request.top_k,
        seed=draw_seed() if request.seed is None else request.seed,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
    )
