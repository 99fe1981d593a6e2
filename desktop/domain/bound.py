"""How many tokens a prompt can have at most, from its length alone: what both sides hold and pay for in advance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from desktop.domain.inference import Message

# A byte-level tokenizer never makes more tokens than there are bytes; templates add a few per message and around.
TOKENS_PER_MESSAGE: Final = 16
TOKENS_AROUND: Final = 64


def chat_bound(messages: Sequence[Message]) -> int:
    """For a chat."""
    content = sum(len(message.content.encode()) for message in messages)
    return content + TOKENS_PER_MESSAGE * len(messages) + TOKENS_AROUND


def text_bound(text: str) -> int:
    """For a plain completion."""
    return len(text.encode()) + TOKENS_AROUND


def texts_bound(texts: Sequence[str]) -> int:
    """For texts to embed, all together."""
    return sum(len(text.encode()) + TOKENS_PER_MESSAGE for text in texts)
