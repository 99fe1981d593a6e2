"""What is taken and what is refused, and by what name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import RequestError
from desktop.domain.inference import Sampling
from desktop.network.api.orders import chat_order, completion_order, embedding_order
from desktop.network.api.schema import ChatRequest, CompletionRequest, EmbeddingRequest, parse

MESSAGES: list[object] = [{"role": "user", "content": "Hi"}]


def chat(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


def refusal(body: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        chat_order(parse(body, ChatRequest), lambda: 1)
    return caught.value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.01),
        ("min_p", -1),
        ("top_k", -1),
        ("top_k", 1.5),
        ("max_tokens", 0),
        ("max_tokens", -5),
        ("max_tokens", 10**12),
        ("max_tokens", 10**400),
        ("max_completion_tokens", 0),
        ("seed", -1),
        ("seed", 2**63),
        ("stop", ["a"] * 5),
        ("stop", ""),
        ("stop", ["x" * 257]),
        ("stop", [1]),
        ("model", ""),
        ("model", None),
        ("model", "m" * 257),
        ("messages", []),
        ("messages", "hi"),
        ("messages", [MESSAGES[0]] * 1025),
        ("stream", "yes"),
        ("n", 2),
        ("n", 0),
        ("n", "1"),
        ("tools", [{"type": "function"}]),
        ("tool_choice", {"type": "function"}),
        ("tool_choice", "required"),
        ("functions", [{}]),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -0.5),
        ("repetition_penalty", 1.1),
        ("response_format", {"type": "json_schema", "json_schema": {}}),
        ("response_format", {"type": "json_object"}),
        ("audio", {"voice": "x"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content"}),
        ("web_search_options", {}),
    ],
)
def test_absurd_and_unsupported_values_are_refused_by_name(field: str, value: object) -> None:
    error = refusal(chat(**{field: value}))
    assert error.parameter.split("[")[0] == field
    assert str(error)


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ({"role": "tool", "content": "x"}, "messages[1].role"),
        ({"role": "", "content": "x"}, "messages[1].role"),
        ({"role": "user"}, "messages[1].content"),
        ({"role": "user", "content": None}, "messages[1].content"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0]"),
        ({"role": "assistant", "content": "x", "tool_calls": [{}]}, "messages[1].tool_calls"),
        ({"content": "x"}, "messages[1].role"),
        ("hello", "messages[1]"),
        (None, "messages[1]"),
    ],
)
def test_wrong_messages_are_refused_by_their_place(message: object, parameter: str) -> None:
    error = refusal(chat(messages=[*MESSAGES, message]))
    assert error.parameter == parameter


def test_a_missing_field_is_named() -> None:
    assert refusal(b'{"model": "m"}').parameter == "messages"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"3",
        b'{"model": "m"}',
        b'{"messages": []}',
        chat()[:-1],
        chat() + b"x",
        b'{"model":"m","messages":[{"role":"user","content":"\xff\xfe"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"m","temperature":NaN,"messages":[{"role":"user","content":"x"}]}',
        b'{"model":"m","temperature":1e999,"messages":[{"role":"user","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"tools":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"mystery":' + b'{"a":' * 9_000,
        b'{"n":"\xff","model":"m","messages":[{"role":"user","content":"x"}]}',
        b"\x00" * 100,
        '{"model": "ü"}'.encode("utf-16"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    assert str(refusal(body))


def test_what_means_nothing_here_is_tolerated() -> None:
    harmless = chat(
        user="u",
        store=False,
        metadata={},
        service_tier="auto",
        reasoning_effort="low",
        parallel_tool_calls=True,
        mystery=[1, {}],
        n=1,
        tools=[],
        tool_choice="auto",
        logprobs=False,
        presence_penalty=0.0,
        frequency_penalty=0,
        logit_bias={},
        response_format={"type": "text"},
        stop=None,
        temperature=None,
        seed=None,
        modalities=["text"],
    )
    assert chat_order(parse(harmless, ChatRequest), lambda: 9).sampling == Sampling(seed=9)


def test_everything_that_counts_arrives() -> None:
    order = chat_order(
        parse(
            chat(max_completion_tokens=5, temperature=0, top_p=0.5, min_p=0.1, top_k=3, seed=2**63 - 1, stop="x"),
            ChatRequest,
        ),
        lambda: 1,
    )
    assert order.sampling == Sampling(5, 0, 0.5, 0.1, 3, 2**63 - 1, ("x",))
    assert refusal(chat(max_tokens=3, max_completion_tokens=4)).parameter == "max_tokens"
    both = chat_order(parse(chat(max_tokens=4, max_completion_tokens=4), ChatRequest), lambda: 1)
    assert both.sampling is not None
    assert both.sampling.max_tokens == 4


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt[0]"),
        ({"prompt": "a", "echo": True}, "echo"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": "a", "logprobs": 2}, "logprobs"),
    ],
)
def test_completions_that_are_refused(fields: dict[str, object], parameter: str) -> None:
    with pytest.raises(RequestError) as caught:
        completion_order(parse(json.dumps({"model": "m", **fields}).encode(), CompletionRequest), lambda: 1)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [[1, 2]]}, "input[0]"),
        ({"input": ["a"] * 257}, "input"),
        ({"input": "a", "dimensions": 3}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_embeddings_that_are_refused(fields: dict[str, object], parameter: str) -> None:
    with pytest.raises(RequestError) as caught:
        embedding_order(parse(json.dumps({"model": "m", **fields}).encode(), EmbeddingRequest))
    assert caught.value.parameter == parameter


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_a_refusal(body: bytes) -> None:
    with pytest.raises(RequestError):
        parse(body, ChatRequest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(ChatRequest.__struct_fields__), JSON, max_size=6))
def test_any_values_are_a_request_or_a_refusal(fields: dict[str, object]) -> None:
    try:
        order = chat_order(parse(chat(**fields), ChatRequest), lambda: 1)
    except RequestError:
        return
    assert order.messages
    assert order.sampling is not None
    assert 0 <= order.sampling.temperature <= 2
