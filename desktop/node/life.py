"""The node's state over time: decided from signals, written to the ledger, told to whoever watches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from desktop.domain.node_state import NODE_TRANSITIONS, NodeState, Reason
from desktop.node.books import Books
from desktop.node.policy.decision import Decision

HEARTBEAT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The state now with its reason, and since when (UTC milliseconds)."""

    decision: Decision
    since_ms: int

    @property
    def detail(self) -> str:
        """The numbers behind the reason, in words; empty where there are none."""
        return self.decision.detail


Watch = Callable[[Moment], None]


class Life:
    """Keeps the one present state.

    `look` gives the latest decision; it is called after every `nudge`, and at least every `HEARTBEAT_S` seconds.
    A state is in the ledger before a watcher hears of it.
    """

    def __init__(self, look: Callable[[], Decision], books: Books, now_ms: Callable[[], int], watch: Watch) -> None:
        self._look = look
        self._books = books
        self._now_ms = now_ms
        self._watch = watch
        self._nudged = asyncio.Event()
        self._moment = Moment(Decision(NodeState.OFF, Reason.STOPPED_BY_OWNER), now_ms())
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> Moment:
        """The present state."""
        return self._moment

    async def start(self) -> None:
        """Begin with STARTING, then follow the signals."""
        await self._enter(Decision(NodeState.STARTING, Reason.LOADING))
        self._task = asyncio.create_task(self._follow(), name="life")

    def nudge(self) -> None:
        """Something changed: look again."""
        self._nudged.set()

    async def stop(self) -> None:
        """Write STOPPING at once; `end` writes the last line when everything is down. Nothing if it never started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._moment.decision.state is NodeState.OFF:
            return
        await self._enter(Decision(NodeState.STOPPING, Reason.SHUTTING_DOWN))

    async def end(self) -> None:
        """Write OFF: the owner stopped the node."""
        await self._enter(Decision(NodeState.OFF, Reason.STOPPED_BY_OWNER))

    async def _follow(self) -> None:
        clock = asyncio.get_running_loop().time
        beat_at_s = clock() + HEARTBEAT_S
        while True:
            await self._enter(self._look())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at_s):
                    await self._nudged.wait()
            self._nudged.clear()
            if clock() >= beat_at_s:
                await self._books.run(lambda ledger: ledger.alive(self._now_ms()))
                beat_at_s = clock() + HEARTBEAT_S

    async def _enter(self, decision: Decision) -> None:
        before = self._moment
        if decision == before.decision:
            return
        if decision.state is not before.decision.state and (
            decision.state not in NODE_TRANSITIONS[before.decision.state]
        ):
            raise AssertionError(f"{before.decision.state} does not lead to {decision.state}")
        at_ms = self._now_ms()
        await self._books.run(
            lambda ledger: ledger.begin_state(decision.state, decision.reason, decision.detail, at_ms)
        )
        self._moment = Moment(decision, at_ms)
        self._watch(self._moment)
