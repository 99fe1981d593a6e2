"""Anything at all, sent to a real server: always an answer, never a 500, never a hang."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.network.api.app import create_app
from desktop.network.api.schema import ChatRequest
from desktop.network.api.server import HttpServer
from tests.fakes.desk import FakeDesk
from tests.network.api.conftest import GENEROUS

PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/balance/create", "/v1/balance/topup"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", ""])
MESSAGE = st.fixed_dictionaries({"role": ROLES, "content": st.text() | JSON})
FIELDS = st.sampled_from([*ChatRequest.__struct_fields__, "prompt", "input", "initial_balance_token", "cashu_token"])
REQUEST = st.builds(
    lambda some, more: {**some, **more},
    st.fixed_dictionaries({"model": st.sampled_from(["smol", "minilm", "x"]), "messages": st.lists(MESSAGE)}),
    st.dictionaries(FIELDS, JSON, max_size=4),
)


class Behind:
    """A server in a thread of its own, so that tests may block."""

    def __init__(self) -> None:
        self.desk = FakeDesk()
        self.port = 0
        self.key = ""
        self._ready = threading.Event()
        self._done: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)

    def stop(self) -> None:
        assert self._loop is not None
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        server = HttpServer(create_app(self.desk, GENEROUS), host="127.0.0.1", port=0, limits=GENEROUS)
        self.port = await server.start()
        self.key, _ = await self.desk.create_account(self.desk.mint(10_000_000))
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._done.wait()
        await server.stop(1)


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    server = Behind()
    server.start()
    yield server
    server.stop()


def ask(behind: Behind, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=60)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def check(behind: Behind, status: int, heard: bytes) -> None:
    assert status in {200, 400, 401, 402, 404}, heard
    if status != 200:
        assert set(json.loads(heard)["error"]) >= {"type", "message", "code", "details"}
    assert all(job.settle_calls == 1 for job in behind.desk.jobs)
    behind.desk.jobs.clear()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=2000))
def test_any_bytes(behind: Behind, path: str, body: bytes) -> None:
    check(behind, *ask(behind, path, body, {"Authorization": f"Bearer {behind.key}"}))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), request=REQUEST)
def test_any_fields(behind: Behind, path: str, request: dict[str, object]) -> None:
    body = json.dumps(request).encode(errors="surrogatepass")
    check(behind, *ask(behind, path, body, {"Authorization": f"Bearer {behind.key}"}))


HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(["X-Cashu", "Authorization"]), scheme=st.sampled_from(["", "Bearer ", "cashuB"]), rest=HEADER
)
def test_any_payment(behind: Behind, name: str, scheme: str, rest: str) -> None:
    body = json.dumps({"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    check(behind, *ask(behind, "/v1/chat/completions", body, {name: (scheme + rest).strip() or "x"}))
