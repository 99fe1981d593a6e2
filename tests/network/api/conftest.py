from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest

from desktop.network.api.app import create_app
from desktop.network.api.limits import Limits
from desktop.network.api.server import HttpServer
from tests.fakes.desk import FakeDesk

GENEROUS = Limits(
    key_rate_per_s=10_000, key_burst=100_000, address_rate_per_s=10_000, address_burst=100_000, connections=600
)


@dataclass
class Served:
    """A server on loopback with a fake desk behind it."""

    desk: FakeDesk
    server: HttpServer
    port: int
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def key(self, sat: int = 1000) -> dict[str, str]:
        """Headers that pay from a new session account."""
        name, _ = await self.desk.create_account(self.desk.mint(sat))
        return {"authorization": f"Bearer {name}"}


Serve = Callable[[Limits], Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(limits: Limits = GENEROUS) -> Served:
            desk = FakeDesk()
            server = HttpServer(create_app(desk, limits), host="127.0.0.1", port=0, limits=limits)
            port = await server.start()
            stack.push_async_callback(server.stop, 0, settle_s=1)
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)
            await stack.enter_async_context(client)
            return Served(desk, server, port, client)

        yield start


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(GENEROUS)
