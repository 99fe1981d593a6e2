"""What a buyer asks, as a value and as the body every OpenAI-shaped API takes."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.domain.bound import chat_bound, texts_bound
from desktop.domain.inference import Message
from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.gateway.choose import Wish


@dataclass(frozen=True, slots=True)
class Question:
    """A chat. `model` empty: the cheapest there is. What is None is the provider's default.

    `most` is the most this may cost, `provider` (a public key) the only one to be asked.
    """

    messages: tuple[Message, ...]
    model: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = True
    most: Money | None = None
    provider: str = ""

    def wish(self) -> Wish:
        """What a provider must offer."""
        return Wish(
            ModelKind.CHAT,
            self.model,
            chat_bound(self.messages),
            max_tokens=self.max_tokens,
            most=self.most,
            provider=self.provider,
        )

    def body(self, model: str) -> dict[str, object]:
        """The request to `/v1/chat/completions` for that model."""
        chosen: dict[str, object] = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": list(self.stop) or None,
        }
        body: dict[str, object] = {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in self.messages],
            "stream": self.stream,
        }
        if self.stream:
            body["stream_options"] = {"include_usage": True}
        return body | {name: value for name, value in chosen.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts to embed together."""

    texts: tuple[str, ...]
    model: str = ""
    most: Money | None = None
    provider: str = ""

    def wish(self) -> Wish:
        """What a provider must offer."""
        return Wish(
            ModelKind.EMBEDDING,
            self.model,
            texts_bound(self.texts),
            contexts=max(1, len(self.texts)),
            most=self.most,
            provider=self.provider,
        )

    def body(self, model: str) -> dict[str, object]:
        """The request to `/v1/embeddings` for that model."""
        return {"model": model, "input": list(self.texts), "encoding_format": "float"}
