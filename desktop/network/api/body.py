"""Reading a request's body: counted while it comes, never trusting what it says about itself."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from desktop.network.api.errors import Problem, Refused
from desktop.network.api.limits import Limits, Pool


class BodyReader:
    """Reads bodies within the limits; `memory` is shared by all that are being read."""

    def __init__(self, limits: Limits, memory: Pool) -> None:
        self._limits = limits
        self._memory = memory

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises Refused: 413 too large, 408 too slow, 503 when too many are being read.

        Raises ClientDisconnect if the sender leaves.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._limits.body_bytes:
            raise Refused(self._too_large())
        held = 0
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                async for chunk in request.stream():
                    if held + len(chunk) > self._limits.body_bytes:
                        raise Refused(self._too_large())
                    self._memory.take(len(chunk))
                    held += len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            raise Refused(self._too_slow()) from None
        finally:
            self._memory.give(held)
        return b"".join(chunks)

    def _too_large(self) -> Problem:
        return Problem(
            413,
            "invalid_request_error",
            "request_too_large",
            f"A request may have {self._limits.body_bytes} bytes. Send less at once.",
            details={"limit": self._limits.body_bytes},
            # Not a matter of time, but clients that retry by themselves should at least wait.
            retry_after_s=60,
        )

    def _too_slow(self) -> Problem:
        return Problem(
            408,
            "invalid_request_error",
            "request_timeout",
            f"The request did not arrive within {self._limits.body_timeout_s:g} seconds. Send it again.",
        )
