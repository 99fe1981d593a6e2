"""Downloads on behalf of the owner: one at a time, in a thread, told step by step."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from desktop.control.shelf import ShelfAnswer
from desktop.control.snapshot import Fetching
from desktop.domain.errors import Busy, DownloadStopped, HearthError

Tell = Callable[[Fetching], None]


@dataclass(frozen=True, slots=True)
class Work:
    """One download: `run` blocks until it is done, telling each step; `stop` pauses it from any thread."""

    name: str
    run: Callable[[Tell], None]
    stop: threading.Event


class Store(Protocol):
    """Where things come from. Every method blocks."""

    def shelf(self) -> ShelfAnswer:
        """What is here and what there is."""
        ...

    def model(self, model_id: str) -> Work:
        """The download of a model. Raises ModelNotFound, or Unavailable where it does not fit."""
        ...

    def torch(self) -> Work:
        """The set-up of torch. Raises Unavailable where there is nothing to set it up with."""
        ...

    def discard(self, model_id: str) -> None:
        """Delete a model. Raises SettingsError or StorageUnusable."""
        ...


class Storeroom:
    """`state` is the latest download, `changed` is called on the loop whenever that is another."""

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        self.state: Fetching | None = None

    async def shelf(self) -> ShelfAnswer:
        """What is here and what there is."""
        return await asyncio.to_thread(self._store.shelf)

    async def discard(self, model_id: str) -> None:
        """Delete a model."""
        await asyncio.to_thread(self._store.discard, model_id)

    async def fetch(self, model_id: str) -> None:
        """Begin; empty: torch. Raises Busy while something else is fetched, and what the store raises."""
        if self._task is not None and not self._task.done():
            if self.state is not None and self.state.model_id == model_id:
                return
            raise Busy("Something else is being downloaded.", retry_after_s=60, now="Wait for it, or pause it first.")
        work = await asyncio.to_thread(self._store.model if model_id else lambda _: self._store.torch(), model_id)
        self._stop = work.stop
        self._show(Fetching(model_id=model_id, name=work.name, running=True, phase="listing"))
        self._task = asyncio.create_task(self._run(model_id, work), name="download")

    async def stop(self) -> None:
        """Pause, and wait until it is."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _run(self, model_id: str, work: Work) -> None:
        loop = asyncio.get_running_loop()

        def tell(state: Fetching) -> None:
            loop.call_soon_threadsafe(self._show, state)

        try:
            await asyncio.to_thread(work.run, tell)
        except DownloadStopped:
            self._end(model_id, work.name, "paused", "")
        except HearthError as error:
            self._end(model_id, work.name, "failed", str(error))
        else:
            self._end(model_id, work.name, "done", self.state.detail if self.state is not None else "")

    def _end(self, model_id: str, name: str, phase: str, detail: str) -> None:
        last = self.state
        done, total = (last.done_bytes, last.total_bytes) if last is not None else (0, None)
        self._show(
            Fetching(
                model_id=model_id,
                name=name,
                running=False,
                phase=phase,
                done_bytes=done,
                total_bytes=total,
                detail=detail,
            )
        )

    def _show(self, state: Fetching) -> None:
        self.state = state
        self._changed()
