"""The HTTP server, embedded in our own event loop: uvicorn's protocol without its signal handlers and its ticking."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from desktop.domain.errors import SettingsError
from desktop.network.api.limits import Limits
from desktop.network.api.protocol import Http1Connection
from desktop.network.api.visitors import Visitors

_LAST_BYTES_S: Final = 0.5


class HttpServer:
    """Serves that application on one address. Start it once, stop it once."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, limits: Limits) -> None:
        self._host = host
        self._port = port
        self._limits = limits
        self._config = Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            # Its warnings are one for every line of garbage anybody sends.
            log_level="error",
            access_log=False,
            # Whoever connects must not be able to name its own address.
            proxy_headers=False,
            h11_max_incomplete_event_size=limits.head_bytes,
            timeout_keep_alive=int(limits.idle_timeout_s),
        )
        self._state = ServerState()
        self._visitors = Visitors(most=limits.connections, most_per_address=limits.connections_per_address)
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port (asked for as 0: one that is free). SettingsError if it cannot be had."""
        self._config.load()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connection, host=self._host, port=self._port, backlog=1024
            )
        except OSError as error:
            raise SettingsError(
                f"Port {self._port} of {self._host} cannot be used.",
                why=f"The system said: {error.strerror or 'unknown error'}.",
                now="Choose another port, or end the program that has it.",
            ) from error
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self, grace_s: float, *, settle_s: float = 2.0) -> None:
        """Take no more; let what runs finish for `grace_s`; cancel the rest, which then has `settle_s` to refund.

        Returns with every connection closed. Safe to call when it was never started, and again.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await self._end_tasks(grace_s)
        for task in list(self._state.tasks):
            task.cancel()
        await self._end_tasks(settle_s)
        # Answered clients get a moment to take their last bytes: the change may be in them.
        await self._visitors.wait_until_gone(_LAST_BYTES_S)
        for connection in list(self._state.connections):
            connection.transport.abort()
        await server.wait_closed()

    def _connection(self) -> Http1Connection:
        return Http1Connection(self._config, self._state, self._limits, self._visitors)

    async def _end_tasks(self, timeout_s: float) -> None:
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=timeout_s)
