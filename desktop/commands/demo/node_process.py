"""A node as the owner would run it: `hearth node`, in a process of its own, heard through its JSON events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from desktop.domain.errors import Unavailable

READY_WITHIN_S: Final = 240.0
STOP_WITHIN_S: Final = 60.0


class NodeProcess:
    """One `hearth node`, started as often as wanted. `tell` hears what it does in sentences.

    `errors` is the file its standard error goes to, `environment` what it runs in; ours if there is none.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None],
        *,
        errors: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._errors = errors
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._enrolled = asyncio.Event()
        self._fault = asyncio.Event()
        self.sandbox_mode = ""
        self.url = ""
        self.relays: tuple[str, ...] = ()
        self.trouble = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        if self._process is None:
            raise RuntimeError("the node was never started")
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def ready(self) -> bool:
        """Whether it takes paid requests, as far as it said."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Start the process; what it says from now on is heard."""
        for news in (self._ready, self._enrolled, self._fault):
            news.clear()
        self.trouble = ""
        with contextlib.ExitStack() as files:
            errors = None if self._errors is None else files.enter_context(self._errors.open("ab"))
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "desktop", "node", "--json", "--unsandboxed-on-loopback", "--home", str(self._folder)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._environment,
            )
        self._listener = asyncio.create_task(self._listen(self._process))

    async def wait_enrolled(self) -> None:
        """Return when it takes paid requests and is listed. Raises Unavailable if it does not come to that."""
        waits = [asyncio.create_task(wait) for wait in (self._listed(), self._ended(), self._fault.wait())]
        done, _ = await asyncio.wait(waits, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if waits[0] not in done:
            raise Unavailable("The demo's node did not become ready.", why=self.trouble)

    async def stop(self, ask: signal.Signals = signal.SIGINT) -> float:
        """Ask it to stop as Ctrl+C does, or with another signal; the seconds it took. By force if it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return 0.0
        start = time.monotonic()
        process.send_signal(ask)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            await self.kill()
        took_s = time.monotonic() - start
        if self._listener is not None:
            await self._listener
        return took_s

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            if self._listener is not None:
                await self._listener

    async def _listed(self) -> None:
        await self._enrolled.wait()
        await self._ready.wait()

    async def _ended(self) -> None:
        if self._process is not None:
            await self._process.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            self._hear(json.loads(line))

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "progress":
                self._tell(f"Node: {event['text']}")
            case "listening":
                self.url = event["url"]
            case "worker":
                self.sandbox_mode = event["sandbox"]
                self._tell(f"Node: the worker runs; sandbox mode: {self.sandbox_mode}.")
            case "enrolment" if event["enrolled"]:
                self.relays = tuple(event["relays"])
                self._enrolled.set()
                self._tell(f"Node: enrolled on {len(self.relays)} relays.")
            case "state":
                self.trouble = event["detail"] or self.trouble
                if event["state"] == "fault":
                    self._fault.set()
                if event["state"] in {"ready", "earning"}:
                    self._ready.set()
                else:
                    self._ready.clear()
