"""Chats and completions differ in a few words of their JSON; here they are, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Style:
    """`first` and `next` open a streamed choice up to its text; `close` follows the text."""

    id_prefix: str
    whole: str
    chunk: str
    first: bytes
    next: bytes
    close: bytes
    choice: Callable[[str, str], dict[str, object]]
    last_choice: Callable[[str], dict[str, object]]


def _chat_choice(text: str, reason: str) -> dict[str, object]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}


def _last_chat_choice(reason: str) -> dict[str, object]:
    return {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}


def _text_choice(text: str, reason: str) -> dict[str, object]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


def _last_text_choice(reason: str) -> dict[str, object]:
    return _text_choice("", reason)


CHAT: Final = Style(
    id_prefix="chatcmpl-",
    whole="chat.completion",
    chunk="chat.completion.chunk",
    first=b'{"index":0,"delta":{"role":"assistant","content":',
    next=b'{"index":0,"delta":{"content":',
    close=b'},"logprobs":null,"finish_reason":null}',
    choice=_chat_choice,
    last_choice=_last_chat_choice,
)

COMPLETION: Final = Style(
    id_prefix="cmpl-",
    whole="text_completion",
    chunk="text_completion",
    first=b'{"index":0,"text":',
    next=b'{"index":0,"text":',
    close=b',"logprobs":null,"finish_reason":null}',
    choice=_text_choice,
    last_choice=_last_text_choice,
)
