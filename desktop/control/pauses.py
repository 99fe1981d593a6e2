"""A pause that its owner asked for: it ends when it was told to, and outlives the node that was paused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

LOOK_S: Final = 5.0  # by the wall clock, because a computer that sleeps stops every other
DRAIN_LOOK_S: Final = 0.05


class Paused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept on disk; `until_ms` None: until the owner resumes."""

    until_ms: int | None


class Pausable(Protocol):
    """The part of the node that is paused."""

    @property
    def open_jobs(self) -> int:
        """Jobs that are not settled."""
        ...

    def pause(self) -> None:
        """Take no new requests."""
        ...

    async def release(self) -> None:
        """Give the device back; jobs at work end."""
        ...

    def resume(self) -> None:
        """Work again."""
        ...


class Pauses:
    """Pauses and resumes `node`; `write` keeps a file private and whole."""

    def __init__(
        self,
        node: Pausable,
        file: Path,
        *,
        write: Callable[[Path, str], None],
        changed: Callable[[], None],
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._node = node
        self._file = file
        self._write = write
        self._changed = changed
        self._now_ms = now_ms
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None
        self.until_ms: int | None = None
        self.finishing = False

    async def restore(self) -> None:
        """Go on with a pause that was in force when the node ended."""
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Paused)
        except (OSError, ValueError):
            return
        if kept.until_ms is None or kept.until_ms > self._now_ms():
            await self.begin(kept.until_ms, finish_first=False)
        else:
            self._forget()

    async def begin(self, until_ms: int | None, *, finish_first: bool) -> None:
        """Pause. Returns when no new job is taken and, unless jobs may finish, the device is free."""
        self._write(self._file, msgspec.json.encode(Paused(until_ms)).decode())
        self._stop_waiting()
        self._node.pause()
        self.until_ms = until_ms
        self.finishing = finish_first and self._node.open_jobs > 0
        self._changed()
        if not self.finishing:
            await self._node.release()
        self._task = asyncio.create_task(self._wait(until_ms), name="pause")

    def end(self) -> None:
        """Resume."""
        self._stop_waiting()
        self._forget()
        self.until_ms = None
        self.finishing = False
        self._node.resume()
        self._changed()

    async def close(self) -> None:
        """Stop waiting; the pause stays in force for the next start."""
        task = self._stop_waiting()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _wait(self, until_ms: int | None) -> None:
        if self.finishing:
            while self._node.open_jobs:
                await self._sleep(DRAIN_LOOK_S)
            await self._node.release()
            self.finishing = False
            self._changed()
        if until_ms is None:
            return
        while (left_s := (until_ms - self._now_ms()) / 1000) > 0:
            await self._sleep(min(left_s, LOOK_S))
        self._task = None
        self.end()

    def _stop_waiting(self) -> asyncio.Task[None] | None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        return task

    def _forget(self) -> None:
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
