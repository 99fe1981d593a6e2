"""Watches a worker from outside, where it cannot lie: memory, silence, printed bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from desktop.domain.rhythm import until_beat
from desktop.worker.sandbox.cell import Cell
from desktop.worker.sandbox.family import MemoryGauge
from desktop.worker.sandbox.priority import Effort, effort_of

# What an idle node mostly does. What a worker could take within such a pause, beyond what the kernel keeps it from by
# itself, is what it can exceed its limit by.
_EVERY_S: Final = 0.1
_LOOK_FOR_CHILDREN_EVERY: Final = 2
_LOOK_AT_STARVING_S: Final = 5.0
_MIB: Final = 1 << 20

DeviceMemory = Callable[[Sequence[int]], int]
"""Bytes of graphics memory these processes hold. Read by the node's device room, where there is a device."""


class Watchdog:
    """Kills a worker that takes too much, and says what it took.

    `silence_s` tells how long ago the worker last gave a sign of life. `device_memory` and its limit come together.
    """

    def __init__(
        self,
        cell: Cell,
        silence_s: Callable[[], float],
        *,
        device_memory: DeviceMemory | None = None,
        device_memory_bytes: int = 0,
    ) -> None:
        self._cell = cell
        self._silence_s = silence_s
        self._device_memory = device_memory
        self._device_memory_bytes = device_memory_bytes
        self._members: list[int] = []
        self._memory = MemoryGauge()
        self._starving: tuple[float, Effort] | None = None
        self.peak_memory_bytes = 0

    async def watch(self) -> str:
        """Return, in words, why the worker had to be killed; "" when it ended without that."""
        try:
            return await self._look_until_ended()
        except OSError as error:
            # For want of a file of its own, say: who cannot be watched may not go on.
            self._cell.kill()
            return f"It could not be watched: {error}."
        finally:
            self._memory.close()

    async def _look_until_ended(self) -> str:
        clock = asyncio.get_running_loop().time
        tick = 0
        while not self._cell.ended:
            if tick % _LOOK_FOR_CHILDREN_EVERY == 0:
                self._members = self._cell.family()
            tick += 1
            reason = self._too_much()
            if reason:
                self._cell.kill()
                return reason
            await asyncio.sleep(until_beat(clock(), _EVERY_S))
        return ""

    def _silent_of_itself(self, allowed_s: float) -> bool:
        """Whether it is silent and not for want of a processor, which it leaves to the owner's programs."""
        silence_s = self._silence_s()
        if silence_s <= allowed_s:
            self._starving = None
            return False
        since_s, before = self._starving or (silence_s, effort_of(self._members))
        if self._starving is not None and silence_s - since_s < min(_LOOK_AT_STARVING_S, allowed_s):
            return False
        now = effort_of(self._members)
        self._starving = silence_s, now
        starved = now.wants_more and now.cpu_s - before.cpu_s <= (silence_s - since_s) / 2
        return not starved

    def _too_much(self) -> str:
        limits = self._cell.limits
        memory = self._memory.read(self._members)
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory)
        if memory > limits.memory_bytes:
            return f"It used {memory // _MIB} MiB of memory; its limit is {limits.memory_bytes // _MIB} MiB."
        if self._cell.printed_bytes > limits.log_bytes:
            return f"It printed more than {limits.log_bytes:,} bytes."
        if self._silent_of_itself(limits.silence_s):
            return f"It gave no sign of life for {limits.silence_s:.0f} seconds."
        if self._device_memory is not None:
            used = self._device_memory(self._members)
            if used > self._device_memory_bytes:
                limit = self._device_memory_bytes // _MIB
                return f"It used {used // _MIB} MiB of graphics memory; its limit is {limit} MiB."
        return ""
