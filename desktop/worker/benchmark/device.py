"""The device by itself: products by number format, its memory, the way to it, the time a kernel takes to begin.

The parts about graphics cards are written after their maker's rules (events, pinned memory) and were not tried on one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final

import torch
from torch import Tensor

from desktop.domain.benchmark import Unit
from desktop.worker.benchmark.products import flops
from desktop.worker.benchmark.repetition import Block, Named, Steps
from desktop.worker.benchmark.stopwatch import Stopwatch

MIB: Final = 1 << 20
GIB: Final = 1 << 30
LEAST_ROTATED: Final = 256 * MIB
MOST_ROTATED: Final = GIB
# A card is faster by as much as its caches are larger.
TIMES_ON_A_CARD: Final = 4
BUFFERS: Final = 8
TOO_SLOW: Final = 4.0
COPY: Final = Named("memory, copied", Unit.BYTES)
READ: Final = Named("memory, read", Unit.BYTES)
TO_DEVICE: Final = Named("copy to the card", Unit.BYTES)
FROM_DEVICE: Final = Named("copy from the card", Unit.BYTES)
LAUNCH: Final = Named("start of a kernel", Unit.TIME, 1e9)
_BLOCK_S: Final = 0.05
_PROBE_SIZE: Final = 256
_LAUNCHES: Final = 2000
_COPIED: Final = 256 * MIB


def slowness(dtype: torch.dtype, device: torch.device, stopwatch: Stopwatch) -> float:
    """How many times as long as fp32 a small product takes: the probe that tells whether there are units for it."""

    def seconds(kind: torch.dtype) -> float:
        left, right = torch.ones(2, _PROBE_SIZE, _PROBE_SIZE, device=device, dtype=kind)
        return min(stopwatch.time(lambda: left @ right) for _ in range(4))

    return seconds(dtype) / seconds(torch.float32)


def multiplying(factors: tuple[Tensor, Tensor], dtype: torch.dtype, stopwatch: Stopwatch) -> Block:
    """Blocks of products of these factors in that number format, floating-point operations per second."""
    left, right = (factor.to(dtype) for factor in factors)
    return _repeated(lambda _: left @ right, flops(len(left)), stopwatch)


class Memory:
    """Buffers taken in turn, together larger than any cache."""

    def __init__(self, device: torch.device, stopwatch: Stopwatch, total_bytes: int) -> None:
        self._device = device
        self._stopwatch = stopwatch
        self._numbers = min(total_bytes, MOST_ROTATED * _times(device)) // BUFFERS // 4
        self._buffers: list[Tensor] = []

    def fill(self) -> Steps[None]:
        """Take the memory, once. Written to, because untouched pages are all the same one."""
        while len(self._buffers) < BUFFERS:
            self._buffers.append(torch.full((self._numbers,), 1.0, device=self._device))
            yield

    def copying(self) -> Block:
        """Blocks of copies from one buffer to the next: bytes read and written per second."""

        def copy(turn: int) -> None:
            self._buffers[turn % BUFFERS].copy_(self._buffers[(turn + 1) % BUFFERS])

        return _repeated(copy, 2 * self._buffers[0].nbytes, self._stopwatch)

    def reading(self) -> Block:
        """Blocks of sums, which read and write nothing: bytes per second."""
        return _repeated(lambda turn: self._buffers[turn % BUFFERS].sum(), self._buffers[0].nbytes, self._stopwatch)


def no_room(device: torch.device, total_bytes: int) -> str:
    """Why memory cannot be measured with so little of it; empty if it can."""
    least = LEAST_ROTATED * _times(device)
    if total_bytes >= least:
        return ""
    return f"It takes {least // MIB} MiB of free memory, and {total_bytes // MIB} MiB may be used."


def crossing(device: torch.device, stopwatch: Stopwatch, *, to_device: bool) -> Block:
    """Blocks of copies between pinned main memory and a graphics card."""
    here = torch.ones(_COPIED, dtype=torch.uint8, pin_memory=True)
    there = torch.ones(_COPIED, dtype=torch.uint8, device=device)
    source, target = (here, there) if to_device else (there, here)
    return _repeated(lambda _: target.copy_(source, non_blocking=True), _COPIED, stopwatch)


def launching(device: torch.device, stopwatch: Stopwatch) -> Block:
    """Blocks of kernels that do next to nothing: seconds for one."""
    number = torch.zeros(1, device=device)

    def launch() -> None:
        for _ in range(_LAUNCHES):
            number.add_(1)

    def block() -> Steps[float]:
        yield
        return stopwatch.time(launch) / _LAUNCHES

    return block


def _times(device: torch.device) -> int:
    return 1 if device.type == "cpu" else TIMES_ON_A_CARD


def _repeated(work: Callable[[int], object], amount: float, stopwatch: Stopwatch) -> Block:
    """Blocks that do `work`, which stands for `amount`, as often as fills a block; amount per second."""
    turns = count()
    once_s = [stopwatch.time(lambda: work(next(turns))) for _ in range(2)][-1]
    times = max(1, round(_BLOCK_S / max(once_s, 1e-9)))

    def block() -> Steps[float]:
        yield
        return amount * times / stopwatch.time(lambda: [work(next(turns)) for _ in range(times)])

    return block
