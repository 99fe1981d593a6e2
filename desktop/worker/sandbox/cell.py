"""A confined process as the node holds it: started, heard, measured, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from typing import Final

from desktop.worker.sandbox.family import family_of, kill_family
from desktop.worker.sandbox.line import Line, Order, compose
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.runtime import Runtime

_KEPT_LOG_BYTES: Final = 4096
_READ_BYTES: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Start:
    """What to start and how: an order, a mode, a Python."""

    order: Order
    mode: SandboxMode
    runtime: Runtime


class Cell:
    """One confined process, from its start to its end.

    What it prints is counted, and its first few kilobytes are kept for error messages until `forget_log`: once
    strangers' work is inside, what a library prints could quote it.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, line: Line, start: Start, channel: socket.socket | None
    ) -> None:
        self.line = line
        self.mode = start.mode
        self.limits = start.order.limits
        self.channel = channel
        self.printed_bytes = 0
        self._process = process
        self._kept: bytearray | None = bytearray()
        self._readers = [
            asyncio.create_task(self._drain(stream), name="worker log")
            for stream in (process.stdout, process.stderr)
            if stream is not None
        ]
        self._exit = asyncio.create_task(self._wait_for_exit(), name="worker exit")

    @classmethod
    async def open(cls, start: Start, *, with_channel: bool) -> Cell:
        """Start the process; OSError where that fails, SandboxUnavailable where the mode lacks something."""
        with contextlib.ExitStack() as passed_on, contextlib.ExitStack() as on_failure:
            ours, passed = None, []
            if with_channel:
                ours, theirs = socket.socketpair()
                on_failure.callback(ours.close)
                passed_on.callback(theirs.close)
                ours.settimeout(0)
                passed.append(theirs.fileno())
            line = compose(start.order, start.mode, start.runtime, channel=passed[0] if passed else -1)
            for descriptor in line.descriptors:
                passed_on.callback(os.close, descriptor)
                passed.append(descriptor)
            process = await asyncio.create_subprocess_exec(
                *line.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=line.environment,
                cwd="/",
                pass_fds=passed,
                start_new_session=True,  # Ctrl+C in a terminal is for the node, which then lets jobs end well
            )
            on_failure.pop_all()
        return cls(process, line, start, ours)

    @property
    def pid(self) -> int:
        """The process that was started: the worker itself, or bubblewrap, whose end is the worker's end."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has exited and been collected."""
        return self._exit.done()

    @property
    def log(self) -> str:
        """The first of what it printed, for an error message."""
        return bytes(self._kept or b"").decode("utf-8", errors="replace").strip()

    def forget_log(self) -> None:
        """Keep nothing of what it printed or will print; count it only."""
        self._kept = None

    def family(self) -> list[int]:
        """The process and its descendants; empty once it has ended."""
        return [] if self.ended else family_of(self.pid)

    def kill(self) -> None:
        """End it and all its descendants now."""
        if not self.ended:
            kill_family(self.pid)

    async def wait(self) -> int:
        """Its exit status, once it has ended and all it printed was read; negative for a signal."""
        return await asyncio.shield(self._exit)

    async def close(self) -> int:
        """Kill it if it still runs, and wait for the end."""
        self.kill()
        status = await self.wait()
        if self.channel is not None:
            self.channel.close()
        return status

    async def _wait_for_exit(self) -> int:
        status = await self._process.wait()
        await asyncio.gather(*self._readers)
        return status

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_READ_BYTES):
            self.printed_bytes += len(data)
            if self._kept is not None and len(self._kept) < _KEPT_LOG_BYTES:
                self._kept += data[: _KEPT_LOG_BYTES - len(self._kept)]
