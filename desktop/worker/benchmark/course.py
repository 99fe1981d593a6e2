"""The whole benchmark in its order, as one thing that is moved on step by step and may be dropped at any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Final

import torch

from desktop.domain.benchmark import SOAKING, BenchmarkEvent, BenchmarkOrder, Closing, Part, Phase, Unit
from desktop.domain.errors import WorkerError
from desktop.domain.steadiness import Finding
from desktop.worker.benchmark import device as gauges
from desktop.worker.benchmark.model import MILLI, Exercise, Subject, reading_name, writing_name
from desktop.worker.benchmark.products import Products, fitting_size, flops
from desktop.worker.benchmark.repetition import Block, Clock, Named, Steps, guarded, measure, settle
from desktop.worker.benchmark.soak import soak
from desktop.worker.benchmark.stopwatch import Stopwatch, stopwatch_for

PROMPTS: Final = (512, 2048)
BATCHES: Final = (1, 8, 32)
TELL_EVERY_S: Final = 0.25
_WINDOW: Final = 512
_WINDOWS: Final = 8
_SHARES: Final = {"warm-up": 0.14, "multiply": 0.08, "memory": 0.06, "read": 0.22, "write": 0.12}
"""The most of the whole time that one part may take; what it leaves is for the last."""
_SIXTEEN_BITS: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_PPM: Final = 1_000_000

Events = Generator[BenchmarkEvent | None, None, None]


class Course:
    """One run. `step` does at most one block of work; `ended` once the last word was told.

    The order's budget is kept by giving every part a time to be done by. What does not fit is told as not measured.
    The first part of a run is a warm-up: until three windows agree within 2 %, or its time is up, which is told too.
    """

    def __init__(
        self,
        order: BenchmarkOrder,
        subject: Subject,
        device: torch.device,
        *,
        clock: Clock = time.perf_counter,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self._order = order
        self._subject = subject
        self._device = device
        self._clock = clock
        self._stopwatch = stopwatch or stopwatch_for(device)
        self._seed = int(order.seed[:15], 16)
        self._begin_s = clock()
        energy_s = order.energy_windows * order.energy_window_ms / 1000
        self._end_s = self._begin_s + order.budget_ms / 1000 - energy_s
        self._words = ""
        self._told_s = float("-inf")
        self._parts: dict[str, Part] = {}
        self._run = self._go()
        self.ended = False

    def step(self) -> list[BenchmarkEvent | WorkerError]:
        """Move on; what there is to tell. A WorkerError is the last thing told."""
        events: list[BenchmarkEvent | WorkerError] = []
        try:
            event = next(self._run)
        except StopIteration:
            self.ended = True
            return events
        except WorkerError as error:
            self.ended = True
            return [error]
        now_s = self._clock()
        if now_s - self._told_s > TELL_EVERY_S:
            self._told_s = now_s
            events.append(Phase(self._words, self._share_done(now_s)))
        if event is not None:
            events.append(event)
        return events

    def close(self) -> None:
        """Drop it: nothing of it is left in the engine."""
        self._run.close()
        self.ended = True

    def _go(self) -> Events:
        rates, settled = yield from self._warm_up()
        products = yield from self._multiply(rates[-1])
        yield from self._move()
        exercise = Exercise(self._subject, self._clock, self._seed)
        yield from self._speak(exercise)
        yield from self._compare()
        for _ in range(self._order.energy_windows):
            self._words = "Measuring the energy of an answer"
            yield from exercise.burn(self._subject.slots, self._order.energy_window_ms / 1000)
        if self._order.soak_ms:
            self._words = SOAKING
            for part in (yield from soak(exercise, self._order.soak_ms)):
                yield self._keep(part)
        if products is not None and products.commitment().roots:
            self._words = "Opening the products for whoever checks them"
            yield products.commitment()
            openings = yield from products.openings()
            yield from openings
        yield Closing(
            torch=str(torch.__version__)[:200],
            threads=torch.get_num_threads(),
            dtype=_name(self._subject.dtype),
            windows=len(rates),
            settled=settled,
            outputs=dict(exercise.outputs),
        )

    def _warm_up(self) -> Steps[tuple[list[float], bool]]:
        self._words = "Warming up until the speed is steady"
        factor = torch.full((_WINDOW, _WINDOW), 0.5, device=self._device)
        share_s = self._until("warm-up") - self._clock()
        window_s = min(share_s / _WINDOWS, 1.0 if self._device.type == "cpu" else 2.0)

        def window() -> Steps[float]:
            spent_s, done = 0.0, 0
            while spent_s < window_s or not done:
                spent_s += self._stopwatch.time(lambda: [factor @ factor for _ in range(4)])
                done += 4
                yield
            return done * flops(_WINDOW) / spent_s

        return (yield from settle(window, until_s=self._until("warm-up"), clock=self._clock))

    def _multiply(self, flop_per_s: float) -> Generator[BenchmarkEvent | None, None, Products | None]:
        self._words = "Multiplying matrices"
        share_s = self._until("multiply") - self._clock()
        size = fitting_size(self._device, flop_per_s, share_s, self._order.buffer_bytes)
        products: Products | None = None

        def begin() -> Block:
            nonlocal products
            products = Products(bytes.fromhex(self._order.seed), size, self._device, self._stopwatch)
            return products.round

        yield from self._measure("multiply", Named(f"multiply float32 ({size})", Unit.FLOPS), begin)
        if products is None or not products.commitment().roots:
            return None
        for name, dtype in _SIXTEEN_BITS.items():
            what = Named(f"multiply {name} ({size})", Unit.FLOPS)
            if self._device.type == "cpu":
                ratio = gauges.slowness(dtype, self._device, self._stopwatch)
                if ratio > gauges.TOO_SLOW:
                    times = f"It takes {ratio:.0f} times as long as float32"
                    yield self._keep(what.absent(f"{times}: this device has no units for it."))
                    continue
            factors = products.left, products.right
            yield from self._measure("multiply", what, partial(gauges.multiplying, factors, dtype, self._stopwatch))
        return products

    def _move(self) -> Events:
        self._words = "Moving memory"
        room = self._order.buffer_bytes
        refusal = gauges.no_room(self._device, room)
        if refusal:
            for what in (gauges.COPY, gauges.READ):
                yield self._keep(what.absent(refusal))
        else:
            memory = gauges.Memory(self._device, self._stopwatch, room)
            yield from self._measure("memory", gauges.COPY, memory.copying, memory.fill)
            yield from self._measure("memory", gauges.READ, memory.reading, memory.fill)
        crossing = partial(gauges.crossing, self._device, self._stopwatch)
        for what, begin in (
            (gauges.TO_DEVICE, partial(crossing, to_device=True)),
            (gauges.FROM_DEVICE, partial(crossing, to_device=False)),
            (gauges.LAUNCH, partial(gauges.launching, self._device, self._stopwatch)),
        ):
            if self._device.type == "cpu":
                yield self._keep(what.absent("The processor needs none."))
            else:
                yield from self._measure("memory", what, begin)

    def _speak(self, exercise: Exercise) -> Events:
        subject = self._subject
        longest = subject.context_tokens - 1
        short, *longer = sorted({min(tokens, longest) for tokens in PROMPTS})
        self._words = f"Reading {short} tokens"
        yield from self._measure("read", reading_name(short), partial(exercise.reading, short))
        for batch in sorted({*BATCHES, subject.slots}):
            what = writing_name(batch)
            self._words = f"Writing {batch} at once"
            if batch > subject.slots:
                yield self._keep(what.absent(f"This worker writes at most {subject.slots} answers at once."))
                continue
            until_s = self._until("write")
            yield self._keep((yield from guarded(what, exercise.write(what, batch, until_s=until_s))))
        for tokens in longer:
            self._words = f"Reading {tokens} tokens"
            yield from self._measure("", reading_name(tokens), partial(exercise.reading, tokens))

    def _compare(self) -> Events:
        """What the engine reaches of what the device alone did: writing against memory, reading against products."""
        subject = self._subject
        memory = [self._parts[each.name] for each in (gauges.COPY, gauges.READ)]
        fastest = max(memory, key=lambda part: part.median or 0)
        product = next((part for name, part in self._parts.items() if f" {_name(subject.dtype)} (" in name), None)
        pairs: list[tuple[Named, str, float, Part | None]] = [
            (writing_name(1), "memory speed", subject.streamed_bytes / MILLI, fastest)
        ]
        for tokens in PROMPTS:
            flop = subject.flops_to_read(tokens) / tokens / MILLI
            pairs.append((reading_name(tokens), "multiplying speed", flop, product))
        for what, roof, per_unit, ceiling in pairs:
            part = self._parts.get(what.name)
            if part is not None:
                yield _share(Named(f"{what.name}: share of {roof}", Unit.SHARE, _PPM), part, per_unit, ceiling)

    def _measure(
        self, share: str, what: Named, begin: Callable[[], Block], prepare: Callable[[], Steps[None]] | None = None
    ) -> Events:
        def run() -> Steps[Part]:
            if prepare is not None:
                yield from prepare()
            block, until_s = begin(), self._until(share)
            return (yield from measure(what, block, until_s=until_s, clock=self._clock, seed=self._seed))

        yield self._keep((yield from guarded(what, run())))

    def _until(self, share: str) -> float:
        """When a part must be done: those that are named leave time for others, the last may take what is left."""
        if not share:
            return self._end_s
        return min(self._end_s, self._clock() + _SHARES[share] * (self._end_s - self._begin_s))

    def _share_done(self, now_s: float) -> float:
        whole = (self._order.budget_ms + self._order.soak_ms) / 1000
        return min(1.0, (now_s - self._begin_s) / whole)

    def _keep(self, part: Part) -> Part:
        self._parts[part.name] = part
        return part


def _share(what: Named, part: Part, per_unit: float, ceiling: Part | None) -> Part:
    """A part's share of a ceiling; the interval is the widest that both intervals allow."""
    if ceiling is None or not ceiling.median or part.median is None:
        return what.absent("One of the two was not measured.")
    highest, lowest = max(ceiling.high or 1, 1), max(ceiling.low or 1, 1)
    low, median, high = (
        (part.low or 0) / highest,
        part.median / ceiling.median,
        (part.high or 0) / lowest,
    )
    finding = Finding(median * per_unit, low * per_unit, high * per_unit, 0.0)
    return replace(what.part(finding, part.blocks), unsteady=part.unsteady or ceiling.unsteady)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
