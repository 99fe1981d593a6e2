"""Reading a provider's answer, whole or streamed: text, usage, change. Everything in it is a stranger's word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Final

import httpx
import msgspec
from msgspec import Meta, Raw

from desktop.domain.errors import ProviderUnreachable, ReceiptInvalid
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.domain.receipt import SignedReceipt
from desktop.proof.receipts import decode

MAX_EVENT_BYTES: Final = 1024 * 1024
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
_NONE: Final = Raw(b"null")

_Count = Annotated[int, Meta(ge=0, le=2**40)]


@dataclass(slots=True)
class Closing:
    """What came with an answer besides its text, as far as it came. `charged` is what the provider says it took."""

    usage: Usage | None = None
    charged: Money | None = None
    change_token: str | None = field(default=None, repr=False)
    finish_reason: str = ""
    receipt: SignedReceipt | None = None
    complaint: str = ""
    complete: bool = False


class _Cost(msgspec.Struct):
    total_msats: _Count


class _Usage(msgspec.Struct):
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    cost: Raw = _NONE


class _Text(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Text | None = None
    message: _Text | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: _Count = 0


class _Error(msgspec.Struct):
    message: str = ""
    code: str | int | None = None


class _Hearth(msgspec.Struct):
    charged_msat: _Count | None = None
    receipt: Raw = _NONE
    signature: str = ""


class _Body(msgspec.Struct):
    """A chunk of a stream, a whole answer or an error; unknown fields are others' business."""

    choices: list[_Choice] = []
    data: list[_Vector] = []
    usage: _Usage | None = None
    x_cashu: str | None = None
    hearth: _Hearth | None = None
    error: _Error | None = None


_BODIES: Final = msgspec.json.Decoder(_Body)


def change_in(headers: httpx.Headers, paid: str) -> str | None:
    """The token in the `X-Cashu` header, unless it is the one we paid with, or a payment request (NUT-18)."""
    token = headers.get("x-cashu", "").strip()
    return token if token.startswith("cashu") and token != paid else None


async def read_events(response: httpx.Response, closing: Closing) -> AsyncIterator[str]:
    """The pieces of a streamed answer; fills `closing`. Raises ProviderUnreachable if it breaks the rules or off."""
    async for event in _events(response):
        if event == b"[DONE]":
            closing.complete = not closing.complaint
            return
        body = _parsed(event)
        _note(body, closing)
        for choice in body.choices:
            if piece := (choice.delta.content if choice.delta else None) or choice.text:
                yield piece
    # Without the end mark an answer is whole only if it came with its reason to end and its count.
    closing.complete = bool(closing.finish_reason) and closing.usage is not None and not closing.complaint


async def read_whole(response: httpx.Response, closing: Closing) -> tuple[str, list[list[float]]]:
    """The text and the vectors of an answer that comes at once; fills `closing`. Raises ProviderUnreachable."""
    body = _parsed(await _all(response))
    _note(body, closing)
    closing.complete = not closing.complaint
    text = "".join((choice.message.content if choice.message else choice.text) or "" for choice in body.choices)
    return text, [vector.embedding for vector in sorted(body.data, key=lambda vector: vector.index)]


async def read_error(response: httpx.Response) -> tuple[str, str]:
    """Code and message of an error response; printable and short, whoever wrote them."""
    try:
        body = _BODIES.decode(await _all(response))
    except (ProviderUnreachable, httpx.HTTPError, msgspec.DecodeError, UnicodeError, RecursionError):
        return "", ""
    return ("", "") if body.error is None else (_shown(str(body.error.code or "")), _shown(body.error.message))


async def _all(response: httpx.Response) -> bytes:
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise _broken("The answer is too long.")
    return bytes(content)


async def _events(response: httpx.Response) -> AsyncIterator[bytes]:
    """The data of server-sent events, each in one line, as every OpenAI-shaped API sends them."""
    buffer, total = bytearray(), 0
    async for part in response.aiter_bytes():
        total += len(part)
        buffer += part
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        if len(buffer) > MAX_EVENT_BYTES or total > MAX_ANSWER_BYTES:
            raise _broken("The answer is too long.")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()


def _parsed(data: bytes) -> _Body:
    try:
        return _BODIES.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _broken("The answer makes no sense.") from None


def _note(body: _Body, closing: Closing) -> None:
    if body.usage is not None:
        closing.usage = Usage(body.usage.prompt_tokens, body.usage.completion_tokens)
        closing.charged = _cost(body.usage.cost) or closing.charged
    if body.x_cashu is not None and body.x_cashu.startswith("cashu"):
        closing.change_token = body.x_cashu
    if body.hearth is not None:
        if body.hearth.charged_msat is not None:
            closing.charged = Money(body.hearth.charged_msat)
        closing.receipt = _receipt(body.hearth) or closing.receipt
    if body.error is not None:
        closing.complaint = _shown(body.error.message) or "unknown error"
    for choice in body.choices:
        closing.finish_reason = _shown(choice.finish_reason or "") or closing.finish_reason


def _cost(raw: Raw) -> Money | None:
    try:
        return Money(msgspec.json.decode(raw, type=_Cost).total_msats)
    except msgspec.DecodeError:  # another kind of provider, which tells its cost in another way or not at all
        return None


def _receipt(hearth: _Hearth) -> SignedReceipt | None:
    try:
        return decode(msgspec.json.encode({"receipt": hearth.receipt, "signature": hearth.signature}))
    except ReceiptInvalid:
        return None


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:300]).strip()


def _broken(why: str) -> ProviderUnreachable:
    return ProviderUnreachable("The provider's answer could not be used.", why=why, now="Try another provider.")
