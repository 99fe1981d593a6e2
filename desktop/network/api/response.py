"""Sending one JSON answer."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from starlette.types import Send

from desktop.network.api.errors import Problem

Headers = Iterable[tuple[bytes, bytes]]

CASHU_HEADER = b"x-cashu"


async def send_json(send: Send, status: int, content: object, headers: Headers = ()) -> None:
    """Send that content whole; msgspec must be able to encode it."""
    body = msgspec.json.encode(content)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_problem(send: Send, problem: Problem, headers: Headers = ()) -> None:
    """Send that problem as an error response, with when to come back if it is a matter of time."""
    extra = list(headers)
    if problem.retry_after_s is not None:
        extra.append((b"retry-after", b"%d" % problem.retry_after_s))
    await send_json(send, problem.status, problem.body(), extra)


def cashu(token: str) -> tuple[bytes, bytes]:
    """The `X-Cashu` header holding that token or payment request."""
    return CASHU_HEADER, token.encode("ascii")
