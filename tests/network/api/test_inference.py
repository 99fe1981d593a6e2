import base64
import struct

import msgspec
import pytest

from tests.fakes.desk import PROMPT_TOKENS, Behaviour
from tests.network.api.conftest import Served

HELLO = {"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}


def events(text: str) -> list[dict[str, object]]:
    """The JSON events of a stream that ended properly."""
    blocks = text.split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    return [msgspec.json.decode(block.removeprefix("data: "), type=dict[str, object]) for block in blocks[:-2]]


async def test_a_chat_is_answered_with_usage_bill_and_receipt(served: Served) -> None:
    response = await served.http.post("/v1/chat/completions", json={**HELLO, "seed": 5}, headers=await served.key())
    assert response.status_code == 200
    answer = response.json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello, world", "refusal": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    charged = 7 * 2 + 3 * 4 + 1000
    assert answer["usage"] == {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": 3,
        "total_tokens": 10,
        "cost": {"total_msats": charged},
        "cost_sats": 1,
    }
    assert answer["hearth"]["seed"] == 5
    assert answer["hearth"]["charged_msat"] == charged
    assert answer["hearth"]["receipt"]["job_id"] == answer["hearth"]["job"]
    assert answer["hearth"]["signature"] == "5" * 128
    assert "x-cashu" not in response.headers
    assert "date" in response.headers
    assert [job.settle_calls for job in served.desk.jobs] == [1]


async def test_a_token_payment_gets_its_change_in_the_header(served: Served) -> None:
    token = served.desk.mint(100)
    response = await served.http.post("/v1/chat/completions", json=HELLO, headers={"X-Cashu": token})
    assert response.status_code == 200
    assert served.desk.tokens[response.headers["x-cashu"]] == 98
    assert response.headers["x-routstr-cost-msats"] == "2000"
    assert served.desk.earned.msat == 2000


async def test_a_stream_sends_each_piece_and_the_bill_last(served: Served) -> None:
    token = served.desk.mint(100)
    response = await served.http.post(
        "/v1/chat/completions", json={**HELLO, "stream": True}, headers={"X-Cashu": token}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    choices = [event["choices"] for event in told]
    assert choices[:3] == [
        [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {"content": ", "}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "world"}, "logprobs": None, "finish_reason": None}],
    ]
    assert choices[3] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert len(told) == 4
    assert served.desk.tokens[str(told[-1]["x_cashu"])] == 98
    assert "receipt" in str(told[-1]["hearth"])
    assert "x_cashu" not in told[0]


async def test_include_usage_adds_an_event_without_choices(served: Served) -> None:
    asked = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}
    told = events((await served.http.post("/v1/chat/completions", json=asked, headers=await served.key())).text)
    assert [event["usage"] for event in told[:-1]] == [None] * 4
    assert told[-1]["choices"] == []
    assert msgspec.convert(told[-1]["usage"], dict[str, object])["total_tokens"] == 10


async def test_an_answer_without_a_word_is_still_an_answer(served: Served) -> None:
    served.desk.behaviour = Behaviour(script=("", ""))
    headers = await served.key()
    told = events(
        (await served.http.post("/v1/chat/completions", json={**HELLO, "stream": True}, headers=headers)).text
    )
    assert len(told) == 1
    whole = await served.http.post("/v1/chat/completions", json=HELLO, headers=headers)
    assert whole.json()["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize("stream", [False, True])
async def test_completions(served: Served, *, stream: bool) -> None:
    response = await served.http.post(
        "/v1/completions", json={"model": "smol", "prompt": ["Once"], "stream": stream}, headers=await served.key()
    )
    if stream:
        told = events(response.text)
        texts = [msgspec.convert(event["choices"], list[dict[str, object]])[0]["text"] for event in told]
        assert texts == ["Hello", ", ", "world", ""]
    else:
        assert response.json()["choices"][0]["text"] == "Hello, world"
        assert response.json()["object"] == "text_completion"
    assert served.desk.jobs[0].order.text == "Once"


async def test_embeddings_as_numbers_and_packed(served: Served) -> None:
    headers = await served.key()
    asked = {"model": "minilm", "input": ["a", "b"]}
    plain = (await served.http.post("/v1/embeddings", json=asked, headers=headers)).json()
    assert [entry["embedding"] for entry in plain["data"]] == [[0.6, 0.8], [0.6, 0.8]]
    assert [entry["index"] for entry in plain["data"]] == [0, 1]
    assert plain["usage"]["total_tokens"] == PROMPT_TOKENS
    packed = (
        await served.http.post("/v1/embeddings", json={**asked, "encoding_format": "base64"}, headers=headers)
    ).json()
    assert struct.unpack("<2f", base64.b64decode(packed["data"][0]["embedding"])) == pytest.approx((0.6, 0.8))


async def test_parts_and_developer_messages_are_understood(served: Served) -> None:
    asked = {
        "model": "smol",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ],
    }
    assert (await served.http.post("/v1/chat/completions", json=asked, headers=await served.key())).status_code == 200
    assert [(m.role, m.content) for m in served.desk.jobs[0].order.messages] == [
        ("system", "Be brief."),
        ("user", "ab"),
    ]


async def test_without_a_seed_each_request_gets_its_own(served: Served) -> None:
    headers = await served.key()
    seeds = {
        (await served.http.post("/v1/chat/completions", json=HELLO, headers=headers)).json()["hearth"]["seed"]
        for _ in range(3)
    }
    assert len(seeds) == 3
    assert all(0 <= seed < 2**63 for seed in seeds)
