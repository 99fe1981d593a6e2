"""Answers of strangers: every shape we understand, and whatever else they may send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import ProviderUnreachable
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.gateway.answer import MAX_EVENT_BYTES, Closing, change_in, read_error, read_events, read_whole


class Parts(httpx.AsyncByteStream):
    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def response(*parts: bytes) -> httpx.Response:
    return httpx.Response(200, stream=Parts(parts))


async def heard(*parts: bytes) -> tuple[str, Closing]:
    closing = Closing()
    return "".join([piece async for piece in read_events(response(*parts), closing)]), closing


def event(content: object) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\r\n\r\n"


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
STREAM = b"".join(
    [
        b": keep-alive\n\n",
        event({"choices": [{"delta": {"role": "assistant", "content": "Grüß "}}], "usage": None}),
        event({"choices": [{"delta": {"content": "dich"}, "finish_reason": None}]}),
        event({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        event({"choices": [], "usage": {**USAGE, "cost": {"total_msats": 7}}, "x_cashu": "cashuBchange"}),
        b"data: [DONE]\n\n",
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
async def test_a_stream_is_read_however_it_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    text, closing = await heard(*[STREAM[a:b] for a, b in pairwise(edges)])
    assert text == "Grüß dich"
    assert closing.complete
    assert closing.usage == Usage(3, 2)
    assert closing.charged == Money(7)
    assert closing.change_token == "cashuBchange"  # noqa: S105 - no secret, an example
    assert closing.finish_reason == "stop"


@given(st.integers(0, STREAM.index(b"x_cashu")))
async def test_a_stream_that_ends_before_its_bill_is_not_complete(size: int) -> None:
    text, closing = await heard(STREAM[:size])
    assert "Grüß dich".startswith(text)
    assert not closing.complete


@given(st.lists(st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: b"data: " + b + b"\n"), max_size=8))
async def test_noise_is_an_unusable_answer_and_nothing_worse(parts: list[bytes]) -> None:
    try:
        text, closing = await heard(*parts)
    except ProviderUnreachable as error:
        assert error.why  # noqa: PT017 - most noise is refused, some says nothing
    else:
        assert text == ""
        assert closing.usage is None


async def test_an_error_in_the_stream_is_no_complete_answer() -> None:
    _, closing = await heard(
        event({"choices": [{"delta": {"content": "a"}}]}),
        event({"error": {"message": "worker\u001b[31m died", "code": 7}, "x_cashu": "cashuBback"}),
        b"data: [DONE]\n\n",
    )
    assert not closing.complete
    assert closing.complaint == "worker [31m died"
    assert closing.change_token == "cashuBback"  # noqa: S105 - no secret, an example


@pytest.mark.parametrize(
    "parts",
    [
        (b"data: " + b"x" * (MAX_EVENT_BYTES + 10),),
        tuple(b"data: " + b"y" * (MAX_EVENT_BYTES - 10) for _ in range(3)),
        (event({"choices": [{"delta": {"content": 7}}]}),),
        (event({"usage": {"prompt_tokens": -1}}),),
        (event({"usage": {"prompt_tokens": 10**30}}),),
        (b"data: " + b"[" * 5000 + b"\n",),
        (b"data: \xff\xfe\n",),
    ],
)
async def test_what_breaks_the_rules_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(ProviderUnreachable):
        await heard(*parts)


async def test_whole_answers_of_each_kind() -> None:
    for choice in ({"message": {"content": "yes"}, "finish_reason": "stop"}, {"text": "yes"}):
        closing = Closing()
        body = {"choices": [choice], "usage": {**USAGE, "cost": 0.5}, "hearth": {"charged_msat": 9}}
        assert await read_whole(response(json.dumps(body).encode()), closing) == ("yes", [])
        assert (closing.complete, closing.usage, closing.charged) == (True, Usage(3, 2), Money(9))
    closing = Closing()
    vectors = {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]}
    assert await read_whole(response(json.dumps(vectors).encode()), closing) == ("", [[1.0], [2.0]])


@given(st.binary(max_size=300))
async def test_errors_of_any_shape_are_read_or_blank(body: bytes) -> None:
    code, message = await read_error(response(body))
    assert (code + message).isprintable()


def test_what_counts_as_change() -> None:
    assert change_in(httpx.Headers({"X-Cashu": "cashuBnew"}), "cashuBold") == "cashuBnew"
    for other in ("cashuBold", "creqAdemand", "", "sk-key"):
        assert change_in(httpx.Headers({"X-Cashu": other}), "cashuBold") is None
