"""The node's end of a worker's socket: frames in and out, without ever blocking the loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from desktop.domain.errors import FrameError
from desktop.worker.frames import FRAME_DEADLINE_S, Frame, FrameDecoder

_READ_BYTES: Final = 1 << 16


class Channel:
    """One reader and one writer of frames. The socket is non-blocking and stays the caller's to close."""

    def __init__(self, endpoint: socket.socket, *, frame_deadline_s: float = FRAME_DEADLINE_S) -> None:
        self._socket = endpoint
        self._decoder = FrameDecoder()
        self._frame_deadline_s = frame_deadline_s
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    def post(self, frame: bytes) -> None:
        """Queue a whole frame for `write_all`; never waits, so that it can be called while a task is cancelled."""
        self._outgoing.put_nowait(frame)

    async def write_all(self) -> None:
        """Write what is posted, in order, until the other side is gone."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await loop.sock_sendall(self._socket, await self._outgoing.get())
        except ConnectionError:
            return  # the reader sees the end too, and says so

    async def receive(self) -> Frame | None:
        """The next frame, None when the other side has gone, even within one; FrameError for bad or overdue bytes."""
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while (frame := self._decoder.take()) is None:
            if self._decoder.partial and deadline is None:
                deadline = loop.time() + self._frame_deadline_s
            try:
                async with asyncio.timeout_at(deadline):
                    data = await loop.sock_recv(self._socket, _READ_BYTES)
            except TimeoutError:
                raise FrameError("A frame was begun and not finished in time.") from None
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._decoder.feed(data)
        return frame
