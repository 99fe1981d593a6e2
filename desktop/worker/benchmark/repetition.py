"""Measuring one thing often enough, within its time: generators that stop wherever somebody may want to interrupt.

Times here come from an injected clock. Nothing knows what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from desktop.domain.benchmark import Part, Unit
from desktop.domain.steadiness import Finding, agree, summarise

BLOCKS: Final = 10
LEAST: Final = 3
"""Fewer repetitions than this say nothing about how sure the median is: then it counts as not measured."""
SETS: Final = 3
"""How often a set of blocks that is unsteady is measured anew."""

Clock = Callable[[], float]
T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work in small steps: each `next` does one, the value returned is the result."""
Block = Callable[[], Steps[float]]
"""Begins one repetition; its result is a rate, or whatever else the part is about, above zero."""


@dataclass(frozen=True, slots=True)
class Named:
    """What is measured: its name, its unit, and what to multiply a block's result with to get whole units."""

    name: str
    unit: Unit
    scale: float = 1.0

    def part(self, finding: Finding, blocks: int) -> Part:
        """The part for that finding."""
        median, low, high = (round(value * self.scale) for value in (finding.median, finding.low, finding.high))
        return Part(self.name, self.unit, median, low, high, blocks, unsteady=finding.unsteady)

    def absent(self, why: str) -> Part:
        """The part that was not measured."""
        return Part(self.name, self.unit, note=why)


def measure(what: Named, block: Block, *, until_s: float, clock: Clock, seed: int) -> Steps[Part]:
    """Repeat until there are enough blocks, and again while they are unsteady and time is left.

    The part says that it was not measured where not even `LEAST` blocks fit; the last set counts, never the best.
    """
    there_was_s = until_s - clock()
    finding: Finding | None = None
    samples: list[float] = []
    for _ in range(SETS):
        began = clock()
        samples, block_s = [], 0.0
        # What cannot come to an end in time is not begun: the time is better spent on the next thing.
        while len(samples) < BLOCKS and clock() < until_s - block_s * max(1, LEAST - len(samples)):
            start_s = clock()
            sample = yield from _within(block(), until_s, clock)
            if sample is None:
                break
            samples.append(sample)
            block_s = clock() - start_s
            yield
        if len(samples) < LEAST:
            break
        finding = summarise(samples, seed)
        count = len(samples)
        if not finding.unsteady or clock() + (clock() - began) > until_s:
            break
    if finding is None:
        return what.absent(f"There was no time: {LEAST} repetitions do not fit into {max(there_was_s, 0.0):.1f} s.")
    return what.part(finding, count)


def settle(window: Block, *, until_s: float, clock: Clock) -> Steps[tuple[list[float], bool]]:
    """Windows until three in a row agree, or the time is up; their rates, and whether they agreed."""
    rates: list[float] = []
    while not agree(rates) and (clock() < until_s or not rates):
        rates.append((yield from window()))
    return rates, agree(rates)


def guarded(what: Named, run: Steps[Part]) -> Steps[Part]:
    """The part; where the device refuses (no memory, no such operation), one that says so."""
    try:
        return (yield from run)
    except (RuntimeError, MemoryError) as error:  # what torch raises for everything that a device cannot do
        return what.absent(f"The device refused: {str(error).partition(chr(10))[0][:200]}")


def _within(run: Steps[float], until_s: float, clock: Clock) -> Steps[float | None]:
    """The result, or None if the time is up before, or would be after one more step like the last."""
    try:
        while True:
            start_s = clock()
            try:
                next(run)
            except StopIteration as done:
                return float(done.value)
            now_s = clock()
            if now_s + (now_s - start_s) > until_s:
                return None
            yield
    finally:
        run.close()
