"""Clients that exist: OpenAI's own, and curl."""

import asyncio
import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from desktop.domain.errors import Busy, ContextOverflow, PaymentRequired, Unavailable, WorkerDied
from tests.fakes.desk import PROMPT_TOKENS, Behaviour
from tests.network.api.conftest import Served

HELLO = json.dumps({"model": "smol", "messages": [{"role": "user", "content": "Hi"}]})


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncOpenAI]:
    key, _ = await served.desk.create_account(served.desk.mint(1000))
    async with AsyncOpenAI(api_key=key, base_url=f"{served.url}/v1", max_retries=0) as client:
        yield client


async def test_openai_chats(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="smol", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content == "Hello, world"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == PROMPT_TOKENS + 3


async def test_openai_streams(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="smol",
        messages=[{"role": "user", "content": "Hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello, world"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


async def test_openai_completes(client: AsyncOpenAI) -> None:
    assert (await client.completions.create(model="smol", prompt="Once")).choices[0].text == "Hello, world"
    stream = await client.completions.create(model="smol", prompt="Once", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "Hello, world"


async def test_openai_embeds(client: AsyncOpenAI) -> None:
    packed = await client.embeddings.create(model="minilm", input=["a", "b"])
    assert [entry.embedding for entry in packed.data] == [pytest.approx([0.6, 0.8])] * 2
    plain = await client.embeddings.create(model="minilm", input="a", encoding_format="float")
    assert plain.data[0].embedding == [0.6, 0.8]


async def test_openai_lists_models(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["smol", "minilm"]
    assert (await client.models.retrieve("smol")).owned_by == "hearth"


async def test_openai_pays_with_a_token(client: AsyncOpenAI, served: Served) -> None:
    answer = await client.chat.completions.with_raw_response.create(
        model="smol",
        messages=[{"role": "user", "content": "Hi"}],
        extra_headers={"X-Cashu": served.desk.mint(100)},
    )
    assert served.desk.tokens[answer.headers["x-cashu"]] == 98


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (ContextOverflow("Too long.", parameter="messages"), openai.BadRequestError, "context_length_exceeded"),
        (PaymentRequired("More.", required_msat=2, offered_msat=1), openai.APIStatusError, "insufficient_balance"),
        (Busy("Full.", retry_after_s=1), openai.RateLimitError, "rate_limit"),
        (Unavailable("Paused."), openai.InternalServerError, "unavailable"),
        (WorkerDied("Gone."), openai.InternalServerError, "upstream_request_failed"),
    ],
)
async def test_openai_understands_errors(
    client: AsyncOpenAI, served: Served, failure: Exception, kind: type[openai.APIStatusError], code: str
) -> None:
    served.desk.behaviour = Behaviour(open_failure=failure)
    with pytest.raises(kind) as caught:
        await client.chat.completions.create(model="smol", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == code


async def test_openai_names_the_parameter_to_blame(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="smol", messages=[{"role": "user", "content": "Hi"}], n=3)
    assert caught.value.param == "n"
    assert caught.value.type == "invalid_request_error"


async def test_openai_hears_of_a_key_nobody_issued(served: Served) -> None:
    async with AsyncOpenAI(api_key="sk-nobody", base_url=f"{served.url}/v1", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="smol", messages=[{"role": "user", "content": "Hi"}])


async def test_openai_hears_of_a_failure_in_mid_stream(client: AsyncOpenAI, served: Served) -> None:
    served.desk.behaviour = Behaviour(failure=WorkerDied("Gone."), fail_after=1)
    stream = await client.chat.completions.create(
        model="smol", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    assert (await anext(stream)).choices[0].delta.content == "Hello"
    with pytest.raises(openai.APIError, match="model process failed"):
        await anext(stream)


async def curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl",
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "20",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    heard, _ = await process.communicate()
    assert process.returncode == 0
    return heard.decode()


async def test_curl_pays_with_a_token_and_gets_change(served: Served) -> None:
    token = served.desk.mint(100)
    heard = await curl("-i", f"{served.url}/v1/chat/completions", "-H", f"X-Cashu: {token}", "-d", HELLO)
    head, _, body = heard.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    change = next(line.split(": ")[1] for line in head.splitlines() if line.lower().startswith("x-cashu"))
    assert served.desk.tokens[change] == 98
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hello, world"


async def test_curl_streams(served: Served) -> None:
    asked = json.dumps({**json.loads(HELLO), "stream": True})
    token = served.desk.mint(100)
    heard = await curl("-N", f"{served.url}/v1/chat/completions", "-H", f"X-Cashu: {token}", "-d", asked)
    assert heard.count("data: ") == 5
    assert heard.endswith("data: [DONE]\n\n")


async def test_curl_without_money_is_asked_for_it(served: Served) -> None:
    heard = await curl("-i", f"{served.url}/v1/chat/completions", "-d", HELLO)
    assert heard.startswith("HTTP/1.1 402")
    assert "x-cashu: creqA" in heard


async def test_curl_keeps_an_account(served: Served) -> None:
    made = json.loads(await curl(f"{served.url}/v1/balance/create?initial_balance_token={served.desk.mint(50)}"))
    pay = f"Authorization: Bearer {made['api_key']}"
    assert json.loads(await curl(f"{served.url}/v1/balance/info", "-H", pay))["balance"] == 50_000
    refund = json.loads(await curl("-X", "POST", f"{served.url}/v1/balance/refund", "-H", pay))
    assert served.desk.tokens[refund["token"]] == 50


async def test_curl_that_sends_too_much_hears_why(served: Served) -> None:
    heard = await curl(
        "-i", f"{served.url}/v1/chat/completions", "-d", "x" * 100_000, "-d", "y" * 100_000, *["-d", "z" * 100_000] * 4
    )
    assert " 413 " in heard
    assert "request_too_large" in heard
