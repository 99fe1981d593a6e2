"""HTTP/1.1 on one connection, with the deadlines and manners that uvicorn's own protocol lacks.

Uvicorn waits for ever for the head of a request, for the rest of a body nobody reads any more, and for a reader that
reads no more. Here each of the three has its time. Nothing a client sends is logged.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Final

import h11
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from desktop.network.api.errors import Problem
from desktop.network.api.limits import Limits
from desktop.network.api.visitors import Visitors

# A reader that takes less than this in `write_timeout_s` is not reading.
_LEAST_PROGRESS_BYTES: Final = 4096
# The application answers a slow body itself; only what it no longer reads is cut off here, a little later.
_BODY_PATIENCE: Final = 1.25

_GARBAGE: Final = Problem(
    400, "invalid_request_error", "malformed_request", "That is not an HTTP/1.1 request this server understands."
)
_SLOW_HEAD: Final = Problem(
    408, "invalid_request_error", "request_timeout", "The request did not arrive in time. Send it again."
)
_FULL: Final = Problem(
    503,
    "upstream_error",
    "overloaded",
    "Too many connections are open. Try again in a moment.",
    retry_after_s=1,
)


class Http1Connection(H11Protocol):
    """Uvicorn's HTTP/1.1 protocol within `limits`, counted among the `visitors`."""

    def __init__(self, config: Config, state: ServerState, limits: Limits, visitors: Visitors) -> None:
        super().__init__(config, state, {})
        self.access_log = False
        self._limits = limits
        self._visitors = visitors
        self._phase: type[h11.IDLE | h11.SEND_BODY] | None = None
        self._read_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("HTTP needs a stream transport")
        # Nothing is buffered here that the kernel has not room for: a slow reader is seen at once and costs no memory.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        if self._visitors.enter(self._address()):
            self._watch_reading()
        else:
            self._refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a request in progress learns that its client is gone."""
        _cancel(self._read_deadline)
        _cancel(self._write_deadline)
        super().connection_lost(exc)
        self._visitors.leave(self._address())

    def handle_events(self) -> None:
        """Act on what was received, then see whether more is due."""
        self.server_state.default_headers = _date_headers(int(time()))
        super().handle_events()
        self._watch_reading()

    def _should_upgrade(self) -> bool:
        """No other protocol is spoken here; a client that asks for one gets HTTP/1.1, which it must accept."""
        return False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's words are not ours
        """Refuse bytes that are no request."""
        self._refuse(_GARBAGE)

    def shutdown(self) -> None:
        """Close when idle; otherwise after the response in progress."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        """The client does not read as fast as we send: it gets some time."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """The client has taken everything."""
        _cancel(self._write_deadline)
        super().resume_writing()

    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _await_reader(self) -> None:
        pending = self.transport.get_write_buffer_size()
        self._write_deadline = self.loop.call_later(self._limits.write_timeout_s, self._judge_reader, pending)

    def _judge_reader(self, pending_before: int) -> None:
        if pending_before - self.transport.get_write_buffer_size() >= _LEAST_PROGRESS_BYTES:
            self._await_reader()
        else:
            self.transport.abort()

    def _watch_reading(self) -> None:
        """Set the deadline for what the client owes us now: a head, the rest of a body, or nothing."""
        their_state = self.conn.their_state
        phase = their_state if their_state in {h11.IDLE, h11.SEND_BODY} else None
        if phase is h11.IDLE and self.timeout_keep_alive_task is not None:
            phase = None  # between two requests, where uvicorn's own timer runs
        if phase is self._phase:
            return
        self._phase = phase
        _cancel(self._read_deadline)
        if phase is h11.IDLE:
            self._read_deadline = self.loop.call_later(self._limits.head_timeout_s, self._refuse, _SLOW_HEAD)
        elif phase is h11.SEND_BODY:
            patience_s = self._limits.body_timeout_s * _BODY_PATIENCE
            self._read_deadline = self.loop.call_later(patience_s, self.transport.abort)

    def _refuse(self, problem: Problem) -> None:
        """Answer outside of any request, and close."""
        if self.transport.is_closing():
            return
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
            return
        body = msgspec.json.encode(problem.body())
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        if problem.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % problem.retry_after_s))
        response = h11.Response(status_code=problem.status, headers=headers, reason=STATUS_PHRASES[problem.status])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


@lru_cache(maxsize=1)
def _date_headers(now_s: int) -> list[tuple[bytes, bytes]]:
    """The `Date` header every response must have (RFC 9110, 6.6.1), made once a second at most."""
    return [(b"date", formatdate(now_s, usegmt=True).encode())]
