"""Everything a stranger may throw at a real node: told clearly, at nobody's cost, and the node serves on."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import random
import socket
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import psutil
import pytest
import pytest_asyncio
from nostr_sdk import EventBuilder, Keys, Kind, Tag

from desktop.domain.errors import NetworkError
from desktop.network.directory.announcement import KIND
from desktop.network.directory.relays import Relays
from desktop.node import references
from desktop.wallet import tokens
from tests.e2e.stand import Stand, question, standing
from tests.fakes.bundled_models import CHAT, EMBEDDING

KEY_SAT = 100
PATIENCE_S = 180.0
INSIDE = ("Traceback", "desktop/", ".py", "sqlite", "coincurve", "msgspec")

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class Counter:
    """The node's HTTP port as a stranger sees it, and a session key with some money behind it."""

    def __init__(self, stand: Stand, client: httpx.AsyncClient) -> None:
        self.stand = stand
        self.client = client
        self.key = ""
        self._tokens = 0

    @property
    def paid(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def token(self, amount_sat: int) -> str:
        """A token of the buyer's, its receiver's fee included."""
        self._tokens += 1
        reference = references.owner(f"test/{self._tokens}")
        sent = await asyncio.to_thread(
            self.stand.stage.wallet.send,
            amount_sat,
            self.stand.stage.mint_url,
            reference=reference,
            include_receive_fee=True,
        )
        return sent.token

    async def keep(self, token: str) -> None:
        """Put a token into the buyer's wallet."""
        reference = references.owner(f"test/kept/{tokens.decode(token).digest}")
        await asyncio.to_thread(self.stand.stage.wallet.receive, token, reference=reference)

    async def balance(self) -> tuple[int, int]:
        """What is behind the key: free and reserved, in millisats."""
        told = (await self.client.get("/balance/info", headers=self.paid)).json()
        return told["balance"], told["reserved"]

    async def chat(self, **changes: object) -> httpx.Response:
        return await self.client.post("/chat/completions", json=body(**changes), headers=self.paid)

    async def serves(self) -> None:
        """The node still answers, whatever came before; one that was flooded a moment ago may say when to come."""
        async with asyncio.timeout(PATIENCE_S):
            answer = await self.chat(max_tokens=2)
            while answer.status_code in {429, 503}:
                await asyncio.sleep(float(answer.headers["Retry-After"]) / 2)
                answer = await self.chat(max_tokens=2)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with standing(tmp_path_factory.mktemp("bad-input"), models=(CHAT, EMBEDDING)) as stand:
        async with httpx.AsyncClient(base_url=stand.stage.node.url, timeout=PATIENCE_S) as client:
            counter = Counter(stand, client)
            opened = await client.post("/balance/create", json={"initial_balance_token": await counter.token(KEY_SAT)})
            counter.key = opened.json()["api_key"]
            assert await counter.balance() == (KEY_SAT * 1000, 0)
            yield counter
            back = await client.post("/balance/refund", headers=counter.paid)
            await counter.keep(back.json()["token"])
        await stand.reckon()
        assert "Traceback" not in stand.errors.read_text()


def body(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    return plain | changes


def refused(answer: httpx.Response, *statuses: int, code: str = "", param: str = "") -> dict[str, Any]:
    """A clear error: status, kind, words, and nothing of our inside."""
    assert answer.status_code in statuses, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert len(error["message"]) > 15
    assert not any(word in answer.text for word in INSIDE), answer.text
    assert code in {"", error["code"]}, error
    assert param in {"", error.get("param")}, error
    return error


USER = {"role": "user", "content": "Hello"}
REFUSED: dict[str, tuple[bytes | dict[str, object], int, str]] = {
    "oversized": (b'{"model":"' + b"x" * 600_000 + b'"}', 413, "request_too_large"),
    "not JSON": (b"{'model': 1", 400, "invalid_request"),
    "empty": (b"", 400, "invalid_request"),
    "not an object": (b"[1, 2, 3]", 400, "invalid_request"),
    "nested for ever": (b"[" * 100_000, 400, "invalid_request"),
    "not UTF-8": (b'{"model":"\xff\xfe","messages":[]}', 400, "invalid_request"),
    "half a surrogate": (json.dumps(body(messages=[{"role": "user", "content": "\ud800"}])).encode(), 400, ""),
    "unknown model": (body(model="gpt-17"), 400, "model_not_found"),
    "model of another kind": (body(model=EMBEDDING), 400, "invalid_request"),
    "no messages": (body(messages=[]), 400, "invalid_request"),
    "too many messages": (body(messages=[USER] * 2000), 400, "invalid_request"),
    "no content": (body(messages=[{"role": "user", "content": None}]), 400, "invalid_request"),
    "strange role": (body(messages=[{"role": "wizard", "content": "Hello"}]), 400, "invalid_request"),
    "picture": (body(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), 400, "invalid_request"),
    "no tokens": (body(max_tokens=0), 400, "invalid_request"),
    "fewer than no tokens": (body(max_tokens=-1), 400, "invalid_request"),
    "a trillion tokens": (body(max_tokens=10**12), 400, "invalid_request"),
    "more tokens than the model has": (body(max_tokens=100_000), 400, "context_length_exceeded"),
    "tokens in words": (body(max_tokens="many"), 400, "invalid_request"),
    "cold": (body(temperature=-1), 400, "invalid_request"),
    "hot": (body(temperature=1e308), 400, "invalid_request"),
    "no mass": (body(top_p=0), 400, "invalid_request"),
    "huge seed": (body(seed=2**80), 400, "invalid_request"),
    "fifty answers": (body(n=50), 400, "invalid_request"),
    "tools": (body(tools=[{"type": "function"}]), 400, "invalid_request"),
    "hundred stops": (body(stop=["x"] * 100), 400, "invalid_request"),
    "context overflow": (body(messages=[{"role": "user", "content": "word " * 3000}]), 400, "context_length_exceeded"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_that_makes_no_sense_costs_nothing(counter: Counter, what: str) -> None:
    content, status, code = REFUSED[what]
    before = await counter.balance()
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = await counter.client.post("/chat/completions", content=sent, headers=counter.paid)
    refused(answer, status, code=code)
    assert await counter.balance() == before


async def test_a_body_that_hides_its_size_is_cut_off(counter: Counter) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    try:
        answer = await counter.client.post("/chat/completions", content=endless(), headers=counter.paid)
    except httpx.WriteError:
        return  # cut off before all of it was sent
    refused(answer, 413, code="request_too_large")


async def test_what_is_not_there_is_said_so(counter: Counter) -> None:
    refused(await counter.client.get("/../etc/passwd"), 404)
    refused(await counter.client.get("/chat/completions"), 405)
    refused(await counter.client.get("/models", headers={"X-Long": "x" * 70_000}), 400, 431)


async def test_an_overflow_paid_with_a_token_brings_its_money_back(counter: Counter) -> None:
    long = body(messages=[{"role": "user", "content": "word " * 3000}])
    answer = await counter.client.post("/chat/completions", json=long, headers={"X-Cashu": await counter.token(60)})
    refused(answer, 400, code="context_length_exceeded")
    back = answer.headers["X-Cashu"]
    assert tokens.decode(back).amount_sat == 60
    await counter.keep(back)


async def test_money_that_is_none_is_refused(counter: Counter) -> None:
    """Nothing, too little, forged, foreign, zero, huge, and no token at all."""
    nothing = await counter.client.post("/chat/completions", json=body())
    assert refused(nothing, 402)["details"]["required"] > 0
    assert nothing.headers["X-Cashu"].startswith("creqA")
    good = await counter.token(8)
    read = tokens.decode(good)
    mint = counter.stand.stage.mint_url

    def changed(**changes: object) -> str:
        return tokens.encode(mint, [dataclasses.replace(coin, **changes) for coin in read.coins])  # type: ignore[arg-type]  # mypy cannot match names

    offers = {
        "forged": changed(secret=os.urandom(32).hex(), dleq=None),
        "unproven": changed(secret=os.urandom(32).hex()),
        "foreign": tokens.encode("http://127.0.0.1:9", read.coins),
        "zero": changed(amount=0),
        "huge": changed(amount=2**62),
        "inflated": changed(amount=read.coins[0].amount * 1024),
        "repeated": tokens.encode(mint, [*read.coins, *read.coins, *read.coins]),
        "garbage": "cashuB" + "A" * 200,
        "no token": "gimme",
        "another version": "cashuZ" + good[6:],
        "enormous": "cashuB" + "A" * 66_000,
    }
    for name, offer in offers.items():
        answer = await counter.client.post("/chat/completions", json=body(), headers={"X-Cashu": offer})
        assert 400 <= answer.status_code < 500, (name, answer.text)
        refused(answer, answer.status_code)
        created = await counter.client.post("/balance/create", json={"initial_balance_token": offer})
        assert 400 <= created.status_code < 500, (name, created.text)
        topped = await counter.client.post("/balance/topup", json={"cashu_token": offer}, headers=counter.paid)
        assert 400 <= topped.status_code < 500, (name, topped.text)
    # The coins all of these were made from are still the buyer's, and good.
    await counter.keep(good)
    await counter.serves()


async def test_a_token_pays_once(counter: Counter) -> None:
    token = await counter.token(30)
    first, second = await asyncio.gather(
        *(counter.client.post("/chat/completions", json=body(), headers={"X-Cashu": token}) for _ in range(2))
    )
    assert sorted([first.status_code, second.status_code]) == [200, 400]
    good, bad = (first, second) if first.status_code == 200 else (second, first)
    refused(bad, 400, code="cashu_token_already_spent")
    again = await counter.client.post("/chat/completions", json=body(), headers={"X-Cashu": token})
    refused(again, 400, code="cashu_token_already_spent")
    # The change is the same token however it is asked for.
    owed = await counter.client.post("/balance/refund", headers={"X-Cashu": token})
    assert owed.json()["token"] == good.headers["X-Cashu"]
    await counter.keep(good.headers["X-Cashu"])


async def test_a_session_key_is_good_for_its_own_money_once(counter: Counter) -> None:
    token = await counter.token(20)
    create = {"initial_balance_token": token}
    keys = await asyncio.gather(*(counter.client.post("/balance/create", json=create) for _ in range(3)))
    assert len({answer.json()["api_key"] for answer in keys}) == 1
    bearer = {"Authorization": f"Bearer {keys[0].json()['api_key']}"}
    backs = [await counter.client.post("/balance/refund", headers=bearer) for _ in range(3)]
    assert len({back.json()["token"] for back in backs}) == 1
    for headers in (bearer, {"Authorization": f"Bearer sk-{'0' * 64}"}, {"Authorization": "Bearer x"}):
        answer = await counter.client.post("/chat/completions", json=body(), headers=headers)
        refused(answer, 401, code="invalid_api_key")
        refused(await counter.client.get("/balance/info", headers=headers), 401)
    # The token brings the key again, for whoever lost the refund's answer: with no money, good for that refund alone.
    again = await counter.client.post("/balance/create", json=create)
    assert again.json() == {"api_key": keys[0].json()["api_key"], "balance": 0}
    back = await counter.client.post("/balance/refund", headers=bearer)
    assert back.json()["token"] == backs[0].json()["token"]
    refused(await counter.client.post("/chat/completions", json=body(), headers=bearer), 401, code="invalid_api_key")
    await counter.keep(backs[0].json()["token"])


async def test_slow_readers_and_writers_hold_nobody_up(counter: Counter) -> None:
    port = httpx.URL(counter.stand.stage.node.url).port
    assert port is not None
    crawler, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-")  # and never the rest
    await writer.drain()
    request = json.dumps(body(max_tokens=60, stream=True)).encode()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        slow.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {counter.key}\r\n"
        head += f"Connection: close\r\nContent-Length: {len(request)}\r\n\r\n"
        await loop.sock_sendall(slow, head.encode() + request)
        await counter.serves()
        heard = b""
        while piece := await loop.sock_recv(slow, 512):
            heard += piece
    assert b"[DONE]" in heard
    # Whoever does not finish asking is shown the door.
    async with asyncio.timeout(PATIENCE_S):
        assert b"408" in await crawler.read() or crawler.at_eof()
    writer.close()


async def test_two_hundred_at_once_are_all_told_something(counter: Counter) -> None:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=counter.stand.stage.node.url, timeout=PATIENCE_S, limits=limits) as crowd:
        answers = await asyncio.gather(
            *(crowd.post("/chat/completions", json=body(max_tokens=2), headers=counter.paid) for _ in range(200))
        )
    told = [answer.status_code for answer in answers]
    assert set(told) <= {200, 429, 503}, told
    assert told.count(200) >= 8
    for answer in answers:
        if answer.status_code != 200:
            refused(answer, 429, 503)
            assert int(answer.headers["Retry-After"]) >= 1
    await counter.serves()


async def test_noise_on_the_wire_is_not_heard(counter: Counter) -> None:
    node = psutil.Process(counter.stand.stage.node.pid)
    ports = {line.laddr.port for line in node.net_connections("udp4")}
    assert ports
    chance = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        for _ in range(3000):
            # Half of them look like the beginning of a QUIC connection.
            start = b"" if chance.random() < 0.5 else b"\xc3\x00\x00\x00\x01\x08"
            noise.sendto(start + chance.randbytes(chance.randrange(1400)), ("127.0.0.1", chance.choice(sorted(ports))))
    async with counter.stand.stage.buyer.ask(question(most=3)) as answer:
        assert [piece async for piece in answer]


async def test_nonsense_on_the_relays_hides_nobody(counter: Counter) -> None:
    stage = counter.stand.stage
    (before,) = await stage.buyer.choices(question().wish())
    contents = ["", "{", "null", '{"models": [' * 1000, json.dumps({"models": "x" * 200_000}), "\x00" * 100]
    tags = [[], [["d", before.provider.announcement.identifier]], [["d", "x"], ["u", "iroh://" + "f" * 64]]]
    tags += [[["d", "y"], ["u", "http://169.254.169.254/"], ["mint", "file:///etc/passwd"], ["expiration", "-1"]]]
    taken = 0
    async with Relays(tuple(relay.url for relay in stage.relays), now_ms=stage.buyer_home.now_ms) as relays:
        for link, content, each in itertools.product(relays.links, contents, tags):
            builder = EventBuilder(Kind(KIND), content).tags([Tag.parse(tag) for tag in each])
            with contextlib.suppress(NetworkError):  # a relay may refuse the worst of it
                await link.publish(builder.finalize(Keys.generate()))
                taken += 1
    assert taken > 10
    (after,) = await stage.buyer.choices(question().wish())
    assert after.provider.public_key == before.provider.public_key
    async with stage.buyer.ask(question(most=3)) as answer:
        assert [piece async for piece in answer]


async def test_the_official_client_works_with_a_session_key(counter: Counter) -> None:
    async with openai.AsyncOpenAI(api_key=counter.key, base_url=counter.stand.stage.node.url, max_retries=8) as client:
        whole = await client.chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": "Hello"}], max_tokens=8
        )
        assert whole.choices[0].message.content
        assert whole.usage is not None
        assert whole.usage.completion_tokens <= 8
        streamed = await client.chat.completions.create(
            model=CHAT,
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in streamed]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert chunks[-1].usage is not None
        vectors = await client.embeddings.create(model=EMBEDDING, input=["a cat", "a kitten"])
        assert [len(each.embedding) for each in vectors.data] == [384, 384]
        assert {model.id async for model in await client.models.list()} == {CHAT, EMBEDDING}
        with pytest.raises(openai.BadRequestError, match="not for sale"):
            await client.chat.completions.create(model="gpt-17", messages=[{"role": "user", "content": "Hello"}])


async def test_curl_pays_with_a_token_and_finds_its_change_in_a_header(counter: Counter) -> None:
    token = await counter.token(40)
    url = f"{counter.stand.stage.node.url}/chat/completions"
    # From a file, as careful people do: what stands in the arguments of a program is seen by others.
    settings = f'header = "X-Cashu: {token}"\nheader = "Content-Type: application/json"\n'
    curl = ["curl", "--silent", "--include", "--max-time", "60", "--config", "-", "--data", json.dumps(body()), url]
    done = await asyncio.to_thread(subprocess.run, curl, input=settings, capture_output=True, text=True, check=True)
    head, _, content = done.stdout.partition("\r\n\r\n") if "\r\n\r\n" in done.stdout else done.stdout.partition("\n\n")
    assert " 200 " in head.splitlines()[0]
    assert json.loads(content)["choices"][0]["message"]["content"]
    (change,) = [line.split(": ")[1].strip() for line in head.splitlines() if line.lower().startswith("x-cashu: ")]
    assert 0 < tokens.decode(change).amount_sat < 40
    await counter.keep(change)
