"""The benchmark of a running node, asked for and followed through its door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from desktop.compose import Composition
from desktop.control import messages
from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.snapshot import Measurement, Snapshot
from desktop.domain.errors import HearthError, Unavailable

WITHIN_S: Final = 200.0


async def measure_in_node(
    home: Composition, device_id: str, seed: str, note: Callable[[str], None], *, soak_minutes: int = 0
) -> Measurement:
    """The result, once the node has it; `note` hears each phase. Cancelling this ends the node's run.

    Raises Unavailable where it failed, with its words, and what the node refuses with.
    """
    async with DoorClient(door_in(home.paths.runtime)) as door:
        await door.ask(lambda number: messages.Watch(id=number))
        before = door.snapshot.benchmark if door.snapshot is not None else None
        await door.ask(
            lambda number: messages.Benchmark(id=number, device_id=device_id, seed=seed, soak_minutes=soak_minutes)
        )
        watch = Watch(before, note)
        try:
            async with asyncio.timeout(WITHIN_S + 60 * soak_minutes):
                await door.wait_until(watch.ended)
        except TimeoutError:
            raise Unavailable("The node's benchmark does not end.", now="Look at its log, or start it again.") from None
        except asyncio.CancelledError:
            with suppress(HearthError):
                await door.ask(lambda number: messages.Benchmark(id=number, cancel=True))
            raise
    result = watch.result
    if result is None or result.detail:
        raise Unavailable("The benchmark was not finished.", why=result.detail if result is not None else "Cancelled.")
    return result


class Watch:
    """Follows a run through snapshots. What is shown first may still be the run before."""

    def __init__(self, before: Measurement | None, note: Callable[[str], None]) -> None:
        self._before = before
        self._note = note
        self._phase = ""
        self._began = before is not None and before.running
        self.result: Measurement | None = None

    def ended(self, snapshot: Snapshot) -> bool:
        """Whether the run is over."""
        self.result = now = snapshot.benchmark
        if now is None or not now.running:
            return self._began or now != self._before
        self._began = True
        if now.phase and now.phase != self._phase:
            self._phase = now.phase
            self._note(f"  {now.share_done * 100:3.0f} %  {now.phase}")
        return False
